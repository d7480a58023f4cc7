import { ServerResponse, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';

import { toSessionError, type ChatError } from '../chat';
import { lowerIdsInPath } from '../http/requests/lower-case-ids';

/** The parts of an upgrade request that the server reads. It ignores the query string, because logs store it. */
export interface UpgradeRequest {
  readonly sessionId: string;
  readonly origin: string | undefined;
  /** Undefined if the client must log in by its first frame. */
  readonly token: string | undefined;
}

/** The subprotocol for clients that cannot set headers, such as browsers. The token is a second subprotocol. */
export const tokenProtocol = 'bearer';

/** Parses an upgrade request. @returns null if the request is not for `/ws/:session_id`. */
export function parseUpgrade(request: IncomingMessage): UpgradeRequest | null {
  const { authorization, origin } = request.headers;
  const [path = ''] = (request.url ?? '').split('?');
  const sessionId = /^(?:\/api)?\/ws\/([^/]+)\/?$/u.exec(lowerIdsInPath(path))?.[1];
  if (sessionId === undefined || !offersWebSocket(request)) return null;
  // A session id is a UUID. An impossible id becomes an empty text, which no session has.
  return {
    sessionId: /^[\w-]{1,64}$/u.test(sessionId) ? sessionId : '',
    origin,
    token:
      /^bearer\s+(\S+)$/iu.exec(authorization ?? '')?.[1] ??
      parseProtocols(request.headers['sec-websocket-protocol'] ?? ''),
  };
}

function parseProtocols(header: string): string | undefined {
  const [name, token] = header.split(',').map((part) => part.trim());
  return name === tokenProtocol ? token : undefined;
}

/** Returns whether the client offers WebSocket. A server may ignore other offers, such as HTTP/2 by Java's client. */
const offersWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.trim().toLowerCase() === 'websocket';

/**
 * Options of Node's HTTP server. Since Node 24.9, it calls this to decide whether to accept an upgrade.
 * If not, the server handles the request like any other.
 * This is necessary: since Node 26, the body of an accepted request stays with it and cannot be handed back.
 */
export const upgradeOptions = {
  shouldUpgradeCallback(this: Server, request: IncomingMessage): boolean {
    return this.listenerCount('upgrade') > 0 && offersWebSocket(request);
  },
};

/** Answers an upgrade request with an HTTP error, in the envelope of the session API. */
export function refuse(socket: Duplex, error: ChatError): void {
  const { status, message, code, details, retryAfterSeconds } = error;
  const body = JSON.stringify(toSessionError(status, message, { code, ...details }));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfterSeconds === undefined ? [] : [`Retry-After: ${retryAfterSeconds}`]),
    'Connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/**
 * Hands an upgrade request for another path back to the server.
 * A WebSocket request becomes a normal request with all its headers. Its handler may take over the connection.
 * Strapi's data transfer does that. For any other request, the offer is ignored.
 */
export function handBack(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  if (offersWebSocket(request)) passOn(server, request, head);
  else ignoreUpgrade(server, request, socket, head);
}

/** Emits the request as if nothing listened for upgrades. A normal HTTP reply ends the connection. */
function passOn(server: Server, request: IncomingMessage, head: Buffer): void {
  const { socket } = request;
  // The server has released the socket, so no other code listens for errors.
  socket.on('error', () => socket.destroy());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.once('finish', () => socket.destroySoon());
  try {
    response.assignSocket(socket);
  } catch {
    // An earlier request on this connection has no reply yet. No WebSocket client sends requests this way.
    socket.destroy();
    return;
  }
  if (head.length > 0) socket.unshift(head);
  server.emit('request', request, response);
}

/** Ignores an offer. Only Node before 24.9 needs this, because it does not call `upgradeOptions`. */
function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(i, i + 2);
    if (!/^(upgrade|connection|http2-settings)$/iu.test(name)) lines.push(`${name}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
