import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { createClient, type ClientOptions } from '../../../clients/typescript/src/index';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let url: string;
/** What the server does with the next requests. The last one stays. */
let handlers: Handler[] = [];
let requests: IncomingMessage[] = [];
let pauses: number[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request);
    const [handler] = handlers.length > 1 ? handlers.splice(0, 1) : handlers;
    request.resume().on('end', () => handler?.(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  [handlers, requests, pauses] = [[], [], []];
});

/** A client whose pauses take no time. */
const clientOf = (options: Partial<ClientOptions> = {}) => {
  const wait = (ms: number) => {
    pauses.push(ms);
    return Promise.resolve();
  };
  return createClient({ baseUrl: `${url}/`, token: 'token', retry: { wait, retries: 3 }, ...options });
};

const reply =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_request, response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
const cut: Handler = (request) => request.socket.destroy();
const session = reply(200, { code: 200, message: 'success', data: { session_id: 'one' } });
const failure = (status: number, code: string) => ({
  data: null,
  error: { status, message: 'No.', details: { code } },
});

describe('a request', () => {
  it('waits for Retry-After and is sent again', async () => {
    handlers = [reply(503, failure(503, 'server-busy'), { 'Retry-After': '5' }), session];
    await expect(clientOf().sessions.get('one')).resolves.toEqual({ session_id: 'one' });
    expect(pauses).toEqual([expect.any(Number)]);
    expect(pauses[0]).toBeGreaterThanOrEqual(5_000);
    expect(pauses[0]).toBeLessThan(6_000);
  });

  it('does not wait for a long Retry-After', async () => {
    handlers = [reply(429, failure(429, 'token-limit-reached'), { 'Retry-After': '3600' })];
    const error = { name: 'ApiError', status: 429, code: 'token-limit-reached', retryAfterSeconds: 3600 };
    await expect(clientOf().sessions.get('one')).rejects.toMatchObject(error);
    expect([requests.length, pauses]).toEqual([1, []]);
  });

  it('is sent a bounded number of times, with longer pauses', async () => {
    handlers = [cut];
    await expect(clientOf().sessions.get('one')).rejects.toMatchObject({ name: 'NetworkError' });
    expect(requests).toHaveLength(4);
    expect(pauses.map((ms, index) => ms >= 125 * 2 ** index && ms <= 250 * 2 ** index)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('is not sent again if it could create something twice', async () => {
    handlers = [cut, session];
    await expect(clientOf().sessions.create()).rejects.toMatchObject({ name: 'NetworkError' });
    handlers = [reply(502, '<html>Bad Gateway</html>'), session];
    await expect(clientOf().sessions.create()).rejects.toMatchObject({ status: 502, code: null });
    expect(requests).toHaveLength(2);
  });

  it('is sent again if the server refused it for coming too early', async () => {
    handlers = [reply(429, failure(429, 'rate-limited'), { 'Retry-After': '1' }), session];
    await expect(clientOf().sessions.create()).resolves.toEqual({ session_id: 'one' });
  });

  it('has deleted something if it finds nothing after a lost reply', async () => {
    const gone = reply(404, failure(404, 'session-not-found'));
    handlers = [cut, gone];
    await expect(clientOf().sessions.delete('one')).resolves.toBeUndefined();
    handlers = [gone];
    await expect(clientOf().sessions.delete('one')).rejects.toMatchObject({ status: 404 });
  });

  it('is not sent again after an error that stays', async () => {
    for (const [status, code] of [
      [404, 'session-not-found'],
      [409, 'turn-in-progress'],
      [502, 'upstream-failed'],
    ] as const) {
      [handlers, requests] = [[reply(status, failure(status, code))], []];
      await expect(clientOf().sessions.get('one')).rejects.toMatchObject({ status, code });
      expect(requests).toHaveLength(1);
    }
  });

  it('ends when the server is silent', async () => {
    handlers = [() => undefined];
    const client = clientOf({ silenceMs: 50, retry: { retries: 0 } });
    const error = { name: 'NetworkError', message: 'The server was silent for 0.05 seconds.' };
    await expect(client.sessions.get('one')).rejects.toMatchObject(error);
  });

  it('reads the code of an error of the session API', async () => {
    const error = { code: 'session-not-found' };
    handlers = [reply(404, { code: 404, message: 'There is no such session.', data: null, error })];
    const thrown = { status: 404, code: 'session-not-found', message: 'There is no such session.' };
    await expect(clientOf().sessions.get('one')).rejects.toMatchObject(thrown);
  });

  it('writes filters as Strapi reads them', async () => {
    handlers = [
      reply(200, { data: [], meta: { pagination: { page: 1, pageSize: 25, pageCount: 0, total: 0 } } }),
    ];
    const list = clientOf().characters.list({
      filters: { $or: [{ name: { $eq: 'a&b' } }, { id: { $in: [1, 2] } }] },
    });
    for await (const character of list) expect(character).toBeUndefined();
    const query = new URL(requests[0]?.url ?? '', url).searchParams;
    expect([...query].filter(([name]) => name.startsWith('filters'))).toEqual([
      ['filters[$or][0][name][$eq]', 'a&b'],
      ['filters[$or][1][id][$in][0]', '1'],
      ['filters[$or][1][id][$in][1]', '2'],
    ]);
  });
});

describe('a question', () => {
  it('is sent again with the same key until its turn is known, and then its turn is followed', async () => {
    const begin: Handler = (request, response) => {
      response.write(
        'id: 1\ndata: {"event":"turn_started","turn_id":"one"}\n\nid: 2\ndata: {"event":"mess',
        () => request.socket.destroy(),
      );
    };
    const end =
      'id: 2\ndata: {"event":"message","turn_id":"one","answer":"Hi"}\n\nid: 3\ndata: {"event":"message_end","turn_id":"one"}\n\n';
    handlers = [cut, reply(502, 'Bad Gateway'), begin, reply(200, end)];
    const seen: number[] = [];
    for await (const { seq } of clientOf().ask({ character_id: 1, query: 'Hi' })) seen.push(seq);

    expect(seen).toEqual([1, 2, 3]);
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST', 'GET']);
    const keys = requests.slice(0, 3).map(({ headers }) => headers['idempotency-key']);
    expect([new Set(keys).size, keys[0]]).toEqual([1, expect.stringMatching(/^[0-9a-f]{32}$/u)]);
    const [, , , follow] = requests;
    expect([follow?.url, follow?.headers['last-event-id']]).toEqual([
      '/api/chat-conversations/turns/one/stream',
      '1',
    ]);
  });

  it('throws the last error after a bounded number of tries', async () => {
    handlers = [cut];
    const answer = clientOf().ask({ character_id: 1, query: 'Hi' });
    await expect(answer.complete()).rejects.toMatchObject({ name: 'NetworkError' });
    expect([requests.length, answer.turnId]).toEqual([4, null]);
  });
});
