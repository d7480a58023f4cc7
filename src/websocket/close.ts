import type { WebSocket } from 'ws';

import type { ChatError } from '../chat';

/** Why a connection ends, as its client is told. 1009 (a frame that is too large) is the library's. */
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

/** How long a client may take to say goodbye, before the connection is cut. */
const goodbyeMs = 2_000;

export function closeSocket(socket: WebSocket, code: number, reason: string, terminate: () => void): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.close(code, reason);
  const timer = setTimeout(terminate, goodbyeMs);
  socket.once('close', () => clearTimeout(timer));
}

/** For what would be the status of an HTTP reply, were there still one to send. */
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
