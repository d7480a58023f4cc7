import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';

import { ChatError } from '../../chat/errors';
import { startDeadlines, type Deadlines } from './deadlines';
import type { CallSettings } from '../../chat/settings';

/** One upstream call: its own connection, its own deadlines, its own way to be cancelled. */
export interface Call {
  readonly deadlines: Deadlines;
  /** Any status is a response; its body is there to be read. */
  get(path: string, query: Readonly<Record<string, string>>): Promise<IncomingMessage>;
  post(path: string, body: unknown, accept: string): Promise<IncomingMessage>;
  /** The deadline that ended the call, if one did. */
  expired(): ChatError | undefined;
}

/** More than any JSON error of Dify's and than five long answers; what is longer is cut, and then is no JSON. */
const maxBodyBytes = 8 * 1024 * 1024;

// A fresh connection for every call: a kept-alive one can hand a request the response to another (CVE-2026-48931).
const plain = { request: http.request, agent: new http.Agent({ keepAlive: false }), ready: 'connect' };
const tls = { request: https.request, agent: new https.Agent({ keepAlive: false }), ready: 'secureConnect' };

export function createCall(settings: CallSettings): Call {
  const abort = new AbortController();
  const deadlines = startDeadlines(settings, (error) => abort.abort(error));
  return {
    deadlines,
    get: (path, query) =>
      send('GET', `${path}?${new URLSearchParams(query).toString()}`, { Accept: 'application/json' }),
    post: (path, body, accept) =>
      send('POST', path, { Accept: accept, 'Content-Type': 'application/json' }, JSON.stringify(body)),
    expired: () => (abort.signal.reason instanceof ChatError ? abort.signal.reason : undefined),
  };

  function send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<IncomingMessage> {
    const url = `${settings.apiUrl}${path}`;
    const { request, agent, ready } = url.startsWith('https:') ? tls : plain;
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        method,
        agent,
        signal: abort.signal,
        headers: {
          Authorization: `Bearer ${settings.apiKey}`,
          // Nothing to decompress: no bomb, and no encoder between two tokens.
          'Accept-Encoding': 'identity',
          'User-Agent': 'character-chat',
          ...headers,
        },
      });
      sent.once('socket', (socket) => socket.once(ready, () => deadlines.connected()));
      // Of an upgrade nobody asked for, Node says nothing else.
      const onClose = () =>
        reject(new ChatError('upstream-unreachable', { cause: { transportCode: 'EOF' } }));
      sent.once('close', onClose);
      sent.once('response', (response) => {
        sent.off('close', onClose);
        resolve(response);
      });
      // To the end, for what breaks later has to have a listener.
      sent.on('error', reject);
      sent.end(body);
    });
  }
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
