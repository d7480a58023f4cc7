import http, {
  type ClientRequest,
  type ClientRequestArgs,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import https from 'node:https';
import net, { type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';

import { Axios, type AxiosRequestConfig, type AxiosResponse } from 'axios';

import { ChatError } from '../../chat/errors';
import type { DeadlineSettings } from '../../chat/settings';
import { startDeadlines, type Deadlines } from './deadlines';
import type { Form } from './form';

/** Where a call goes: an address, and a key or the headers of a login. An empty key is not sent. */
export type CallTarget = DeadlineSettings & { readonly apiUrl: string } & (
    { readonly apiKey: string } | { readonly headers: Readonly<Record<string, string>> }
  );

/** A response of any status. Its body is not read yet. */
export interface Response {
  readonly status: number;
  /** Empty if the response has none. */
  readonly contentType: string;
  /** The header as it came. Empty if the response has none. */
  readonly retryAfter: string;
  /** The values of `Set-Cookie`. */
  readonly cookies: readonly string[];
  /** Decompressed. */
  readonly body: Readable;
}

/** One call of an upstream, with its own connection, its own deadlines and its own cancellation. */
export interface Call {
  readonly deadlines: Deadlines;
  /** How long the response may stay open after the end of its reply. Then the server closes it. */
  readonly endTimeoutMs: number;
  /** @param accept defaults to JSON. */
  get(path: string, query: Readonly<Record<string, string>>, accept?: string): Promise<Response>;
  /** @param accept defaults to JSON. */
  post(path: string, body: unknown, accept?: string): Promise<Response>;
  postForm(path: string, form: Form): Promise<Response>;
  delete(path: string, body: unknown): Promise<Response>;
  /** Returns the error of the deadline that ended the call, if one did. */
  expired(): ChatError | undefined;
}

/** More than any JSON error of an upstream, and more than five long answers. A longer body is cut, and then is not JSON. */
const maxBodyBytes = 8 * 1024 * 1024;

/** Has none of axios' defaults, which are mostly for browsers. axios keeps a copy of them for each open response. */
const client = new Axios({
  adapter: 'http',
  responseType: 'stream',
  // Every status is a response, because `validateStatus` is not set.
  // Redirects are not followed: they would send the API key to another host.
  maxRedirects: 0,
  // Use a new connection for every call. A kept-alive one can return the response of another call (CVE-2026-48931).
  // This agent keeps TLS sessions only. HTTP uses no agent.
  httpsAgent: new https.Agent({ keepAlive: false }),
  // A compressor may hold a token back. A response that is compressed anyway is decompressed.
  headers: { 'Accept-Encoding': 'identity', 'User-Agent': 'character-chat' },
});

const json = 'application/json';

/** @param signal ends the call. */
export function createCall(target: CallTarget, signal?: AbortSignal): Call {
  const abort = new AbortController();
  const deadlines = startDeadlines(target, (error) => abort.abort(error));
  const common: AxiosRequestConfig = {
    baseURL: target.apiUrl,
    signal: signal === undefined ? abort.signal : AbortSignal.any([abort.signal, signal]),
    transport: createTransport(() => deadlines.connected()),
    // For other hosts, axios reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
    ...(isLoopback(target.apiUrl) && { proxy: false }),
  };
  const headers = toHeaders(target);
  return {
    deadlines,
    endTimeoutMs: target.endTimeoutMs,
    get: (path, query, accept = json) =>
      send({
        ...common,
        method: 'GET',
        url: [path, new URLSearchParams(query).toString()].filter(Boolean).join('?'),
        headers: { ...headers, Accept: accept },
      }),
    post: (path, body, accept) => sendJson('POST', path, body, accept),
    postForm: (path, { body, contentType, size }) =>
      send({
        ...common,
        method: 'POST',
        url: path,
        data: body,
        headers: { ...headers, Accept: json, 'Content-Type': contentType, 'Content-Length': size },
      }),
    delete: (path, body) => sendJson('DELETE', path, body),
    expired: () => (abort.signal.reason instanceof ChatError ? abort.signal.reason : undefined),
  };

  function sendJson(method: string, path: string, body: unknown, accept = json): Promise<Response> {
    return send({
      ...common,
      method,
      url: path,
      data: JSON.stringify(body),
      headers: { ...headers, Accept: accept, 'Content-Type': json },
    });
  }
}

function toHeaders(target: CallTarget): Readonly<Record<string, string>> {
  if ('headers' in target) return target.headers;
  return target.apiKey === '' ? {} : { Authorization: `Bearer ${target.apiKey}` };
}

/** Returns the key of a target. Empty if it has none. */
export function keyOf(target: CallTarget): string {
  return 'apiKey' in target ? target.apiKey : '';
}

async function send(config: AxiosRequestConfig): Promise<Response> {
  const { status, headers, data, config: sent }: AxiosResponse<Readable> = await client.request(config);
  // axios keeps its configuration until the body ends. A question can be long, and so can its answer.
  sent.data = undefined;
  const header = (name: string) => String(headers[name] ?? '');
  return {
    status,
    contentType: header('content-type'),
    retryAfter: header('retry-after'),
    cookies: headers['set-cookie'] ?? [],
    body: data,
  };
}

/** Returns whether a response with this status is not an error and not a redirect. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

/** Makes Node's own requests. They report when the connection is made and when it ends without a response. */
function createTransport(onConnected: () => void) {
  return {
    request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
      const sent =
        options.protocol === 'https:'
          ? https.request(options, onResponse)
          : http.request({ ...options, createConnection: connect }, onResponse);
      sent.once('socket', (socket) => whenConnected(socket, onConnected));
      // The upstream switched protocols without a request. Without this, the call would get no response and no error.
      sent.once('upgrade', (_response, socket) => {
        socket.destroy();
        sent.emit('error', Object.assign(new Error('The upstream switched protocols.'), { code: 'EOF' }));
      });
      return sent;
    },
  };
}

/** Opens a connection for one request. An agent would hold a copy of the request's options until the reply ends. */
function connect(options: ClientRequestArgs): Socket {
  return net.connect(options as TcpNetConnectOpts);
}

/** Calls `onConnected` when a socket is ready. A socket through a proxy is connected, but its handshake may follow. */
function whenConnected(socket: Socket, onConnected: () => void): void {
  if (socket instanceof TLSSocket) {
    socket.once('secureConnect', onConnected);
  } else if (socket.connecting) {
    socket.once('connect', onConnected);
  } else {
    onConnected();
  }
}

function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/u.test(new URL(url).hostname);
}

/** Reads a body up to `maxBodyBytes`. If it breaks off, returns the part that has arrived. */
export async function readStart(body: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBodyBytes) break;
    }
  } catch {
    // The status is known, and it is enough.
  }
  return Buffer.concat(chunks).toString('utf8');
}
