import { ServerResponse, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ChatError } from '../chat';

/** What an upgrade request says, as far as this door reads it. Nothing is read from the query string: logs keep those. */
export interface UpgradeRequest {
  readonly sessionId: string;
  readonly origin: string | undefined;
  /** Undefined where the client is to log in by its first frame. */
  readonly token: string | undefined;
}

/** The subprotocol of a client that can set no header, as in a browser: `bearer`, and the token as a second one. */
export const tokenProtocol = 'bearer';

/** @returns null for a request that is not for this door. */
export function parseUpgrade(request: IncomingMessage): UpgradeRequest | null {
  const { authorization, origin } = request.headers;
  const [path = ''] = (request.url ?? '').split('?');
  const sessionId = /^(?:\/api)?\/ws\/([^/]+)$/u.exec(path)?.[1];
  if (sessionId === undefined || !offersWebSocket(request)) return null;
  // A session id is a UUID. What cannot be one is called nothing, and no session is.
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

/** Any other offer, e.g. of HTTP/2 as Java's client makes one, a server may ignore. */
const offersWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.trim().toLowerCase() === 'websocket';

/**
 * For Node's server, which since 24.9 asks whether to take an offer, and else answers the request as any other. It has to
 * be asked: since 26 the body of a request whose offer is taken stays with that request, and cannot be given back.
 */
export const upgradeOptions = {
  shouldUpgradeCallback(this: Server, request: IncomingMessage): boolean {
    return this.listenerCount('upgrade') > 0 && offersWebSocket(request);
  },
};

/** Answers an upgrade request as HTTP does, in the shape of every other error. */
export function refuse(socket: Duplex, error: ChatError): void {
  const { status, message, code, details, retryAfterSeconds } = error;
  const body = JSON.stringify({
    data: null,
    error: { status, name: 'ChatError', message, details: { code, ...details } },
  });
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
 * Gives back an upgrade request that is not for this door. A WebSocket's becomes a request of the server with all its
 * headers, which may take the connection over: Strapi's transfers do. Of any other the offer is ignored.
 */
export function handBack(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  if (offersWebSocket(request)) passOn(server, request, head);
  else ignoreUpgrade(server, request, socket, head);
}

/** The request as if nothing listened for upgrades. What answers it as HTTP does ends the connection. */
function passOn(server: Server, request: IncomingMessage, head: Buffer): void {
  const { socket } = request;
  // The server has let go of it: nobody else listens.
  socket.on('error', () => socket.destroy());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.once('finish', () => socket.destroySoon());
  try {
    response.assignSocket(socket);
  } catch {
    // A request before it on the same connection is yet to be answered, which no WebSocket's client does.
    socket.destroy();
    return;
  }
  if (head.length > 0) socket.unshift(head);
  server.emit('request', request, response);
}

/** Before Node 24.9, where the server is not asked (`upgradeOptions`). */
function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(i, i + 2);
    if (!/^(upgrade|connection|http2-settings)$/iu.test(name)) lines.push(`${name}: ${value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
