import type { WebSocket } from 'ws';

import type { ChatError } from '../chat';

/** The close codes that clients get. The library itself sends 1009 for a frame that is too large. */
export const closeCodes = {
  goingAway: 1001,
  tooManyMessages: 1008,
  failed: 1011,
  tryAgainLater: 1013,
  unauthorized: 4401,
  forbidden: 4403,
  sessionGone: 4404,
  tooManyConnections: 4429,
} as const;

/** How long a client may take to answer the close frame before the server cuts the connection. */
const goodbyeMs = 2_000;

export function closeSocket(socket: WebSocket, code: number, reason: string, terminate: () => void): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.close(code, reason);
  const timer = setTimeout(terminate, goodbyeMs);
  socket.once('close', () => clearTimeout(timer));
}

/** Returns the close code for an error. An HTTP reply is no longer possible, so it stands for the HTTP status. */
export function closeCodeOf({ status }: ChatError): number {
  switch (status) {
    case 401:
      return closeCodes.unauthorized;
    case 403:
      return closeCodes.forbidden;
    case 404:
      return closeCodes.sessionGone;
    case 429:
      return closeCodes.tooManyConnections;
    case 503:
      return closeCodes.tryAgainLater;
    default:
      return closeCodes.failed;
  }
}
