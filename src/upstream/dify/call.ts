import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';

import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';

import { ChatError } from '../../chat/errors';
import type { CallSettings } from '../../chat/settings';
import { startDeadlines, type Deadlines } from './deadlines';

/** A response of any status, with its body still to be read. */
export interface Response {
  readonly status: number;
  /** Empty where there is none. */
  readonly contentType: string;
  /** Decompressed. */
  readonly body: Readable;
}

/** One upstream call: its own connection, its own deadlines, its own way to be cancelled. */
export interface Call {
  readonly deadlines: Deadlines;
  get(path: string, query: Readonly<Record<string, string>>): Promise<Response>;
  post(path: string, body: unknown, accept: string): Promise<Response>;
  /** The deadline that ended the call, if one did. */
  expired(): ChatError | undefined;
}

/** More than any JSON error of Dify's and than five long answers; what is longer is cut, and then is no JSON. */
const maxBodyBytes = 8 * 1024 * 1024;

const client = axios.create({
  adapter: 'http',
  responseType: 'stream',
  // Every status is a response. Redirects are not followed: they would take the API key elsewhere.
  validateStatus: null,
  maxRedirects: 0,
  // A new connection for every call: a kept-alive one can give a request the response to another (CVE-2026-48931).
  httpAgent: new http.Agent({ keepAlive: false }),
  httpsAgent: new https.Agent({ keepAlive: false }),
  // The body is serialised already.
  transformRequest: (body: unknown) => body,
  // An encoder may hold a token back. What an upstream compresses all the same is decompressed.
  headers: { 'Accept-Encoding': 'identity', 'User-Agent': 'character-chat' },
});

export function createCall(settings: CallSettings): Call {
  const abort = new AbortController();
  const deadlines = startDeadlines(settings, (error) => abort.abort(error));
  const common: AxiosRequestConfig = {
    baseURL: settings.apiUrl,
    signal: abort.signal,
    transport: createTransport(() => deadlines.connected()),
    // Otherwise axios reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
    ...(isLoopback(settings.apiUrl) && { proxy: false }),
  };
  const authorization = { Authorization: `Bearer ${settings.apiKey}` };
  return {
    deadlines,
    get: (path, query) =>
      send({
        ...common,
        method: 'GET',
        url: `${path}?${new URLSearchParams(query).toString()}`,
        headers: { ...authorization, Accept: 'application/json' },
      }),
    post: (path, body, accept) =>
      send({
        ...common,
        method: 'POST',
        url: path,
        data: JSON.stringify(body),
        headers: { ...authorization, Accept: accept, 'Content-Type': 'application/json' },
      }),
    expired: () => (abort.signal.reason instanceof ChatError ? abort.signal.reason : undefined),
  };
}

async function send(config: AxiosRequestConfig): Promise<Response> {
  const { status, headers, data }: AxiosResponse<Readable> = await client.request(config);
  return { status, contentType: String(headers['content-type'] ?? ''), body: data };
}

/** Node's own requests, which say when the connection is made and when it ends without a response. */
function createTransport(onConnected: () => void) {
  return {
    request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest {
      const { request } = options.protocol === 'https:' ? https : http;
      const sent = request(options, onResponse);
      sent.once('socket', (socket) => whenConnected(socket, onConnected));
      // An upgrade that was not asked for: Node closes the connection and reports nothing.
      sent.once('upgrade', (_response, socket) => {
        socket.destroy();
        sent.emit('error', Object.assign(new Error('The upstream switched protocols.'), { code: 'EOF' }));
      });
      return sent;
    },
  };
}

/** A connection through a proxy is a socket that is connected already, and may still have its handshake before it. */
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

/** A body of bounded length. Where it breaks off, what came counts. */
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
    // The status is known and says enough.
  }
  return Buffer.concat(chunks).toString('utf8');
}
