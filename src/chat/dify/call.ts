import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';

import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';

import { ChatError } from '../errors';
import { startDeadlines, type Deadlines, type DeadlineSettings } from './deadlines';

export interface CallSettings extends DeadlineSettings {
  /** With `/v1`, without a slash at its end. */
  readonly apiUrl: string;
  readonly apiKey: string;
}

/** One upstream call: its own connection, its own deadlines, its own way to be cancelled. */
export interface Call {
  readonly deadlines: Deadlines;
  /** Any status is a response; its body is there to be read. */
  get(path: string, query: Readonly<Record<string, string>>): Promise<AxiosResponse<Readable>>;
  post(path: string, body: unknown, accept: string): Promise<AxiosResponse<Readable>>;
  /** The deadline that ended the call, if one did. */
  expired(): ChatError | undefined;
}

/** More than any JSON error of Dify's and than five long answers; what is longer is cut, and then is no JSON. */
const maxBodyBytes = 8 * 1024 * 1024;

const commonConfig = {
  responseType: 'stream',
  decompress: false,
  maxRedirects: 0,
  proxy: false,
  validateStatus: () => true,
} as const;

export function createCall(settings: CallSettings): Call {
  const { apiUrl } = settings;
  const abort = new AbortController();
  const deadlines = startDeadlines(settings, (error) => abort.abort(error));
  const isTls = apiUrl.startsWith('https:');
  // A fresh connection for every call: a kept-alive one can hand a request the response to another (CVE-2026-48931).
  const agent = isTls ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false });
  const createConnection = agent.createConnection.bind(agent);
  agent.createConnection = (options, onCreated) => {
    const socket = createConnection(options, onCreated);
    socket?.once(isTls ? 'secureConnect' : 'connect', () => deadlines.connected());
    return socket;
  };
  const toConfig = (accept: string): AxiosRequestConfig => ({
    headers: {
      Authorization: `Bearer ${settings.apiKey}`,
      Accept: accept,
      // Nothing to decompress: no bomb, and no encoder between two tokens.
      'Accept-Encoding': 'identity',
    },
    httpAgent: agent,
    httpsAgent: agent,
    signal: abort.signal,
    ...commonConfig,
  });
  return {
    deadlines,
    get: (path, query) =>
      axios.get(`${apiUrl}${path}?${new URLSearchParams(query).toString()}`, toConfig('application/json')),
    post: (path, body, accept) => axios.post(`${apiUrl}${path}`, body, toConfig(accept)),
    expired: () => (abort.signal.reason instanceof ChatError ? abort.signal.reason : undefined),
  };
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
