import http from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp({ env: { CHAT_MAX_QUERY_CHARS: '5000', CHAT_MAX_INPUTS_CHARS: '2000' } });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

const createMessage = '/api/chat-conversations/create-message';
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('an invalid create-message body', () => {
  const inData = (data: unknown) => JSON.stringify({ data });
  const ask = (more: object) => inData({ character_id: 'CHARACTER', query: 'Hi', ...more });
  it.each<[string, string, number[]]>([
    ['empty', '', [400]],
    ['not JSON', '{"data":', [400]],
    ['a string', '"data"', [400]],
    ['null', 'null', [400]],
    ['an array', '[]', [400]],
    ['no data', '{}', [400]],
    ['data of the wrong type', '{"data": "x"}', [400]],
    ['data as a list', '{"data": []}', [400]],
    ['no character_id', inData({ query: 'Hi' }), [400]],
    ['no query', inData({ character_id: 'CHARACTER' }), [400]],
    ['query null', ask({ query: null }), [400]],
    ['query a number', ask({ query: 1 }), [400]],
    ['query an object', ask({ query: { $ne: '' } }), [400]],
    ['query a list', ask({ query: ['Hi'] }), [400]],
    ['query blank', ask({ query: ' \n\t ' }), [400]],
    ['query too long', ask({ query: 'x'.repeat(5001) }), [400]],
    ['query of almost 1 MB', ask({ query: 'x'.repeat(1_000_000) }), [400]],
    ['query of more than 1 MB', ask({ query: 'x'.repeat(1_100_000) }), [413]],
    ['character_id an object', ask({ character_id: { $ne: null } }), [400]],
    ['character_id a list', ask({ character_id: ['1'] }), [400]],
    ['character_id true', ask({ character_id: true }), [400]],
    ['character_id a fraction', ask({ character_id: 1.5 }), [400]],
    ['character_id negative', ask({ character_id: -1 }), [400]],
    ['character_id with NUL', ask({ character_id: 'a\0b' }), [400]],
    ['character_id SQL', ask({ character_id: "1' or '1'='1" }), [400]],
    ['session_id an object', ask({ session_id: {} }), [400]],
    ['session_id with NUL', ask({ session_id: 'a\0b' }), [404]],
    [
      'session_id with a lone surrogate',
      `{"data":{"character_id":"CHARACTER","query":"Hi","session_id":"\\ud800"}}`,
      [404],
    ],
    ['conversation_id too long', ask({ conversation_id: 'x'.repeat(256) }), [400]],
    ['conversation_id a path', ask({ conversation_id: '../../console/api' }), [404]],
    ['inputs a list', ask({ inputs: [] }), [400]],
    ['inputs a string', ask({ inputs: 'x' }), [400]],
    ['inputs too long', ask({ inputs: { a: 'x'.repeat(2001) } }), [400]],
    [
      'inputs too deep',
      `{"data":{"character_id":"CHARACTER","query":"Hi","inputs":{"a":${deep(9)}}}}`,
      [400],
    ],
    [
      'inputs 50,000 deep',
      `{"data":{"character_id":"CHARACTER","query":"Hi","inputs":{"a":${deep(50_000)}}}}`,
      [400],
    ],
    ['data 50,000 deep', `{"data":${deep(50_000)}}`, [400]],
  ])('returns a clear 4xx and saves nothing: %s', async (_what, rawBody, statuses) => {
    const before = await app.db('chat_sessions').count({ n: '*' }).first();
    const reply = await user.request('POST', createMessage, {
      rawBody: rawBody.replace('CHARACTER', characterId),
      headers: { 'Content-Type': 'application/json' },
    });
    expect(statuses).toContain(reply.status);
    expect(reply.body.error.message.length).toBeGreaterThan(5);
    expect(reply.text).not.toMatch(/node_modules|\.js:|select |insert /u);
    expect(await app.db('chat_sessions').count({ n: '*' }).first()).toEqual(before);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
  ])('returns 4xx for content type %s', async (type) => {
    const reply = await user.request('POST', createMessage, {
      rawBody: 'data=1',
      headers: { 'Content-Type': type },
    });
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.status).toBeLessThan(500);
  });

  it('does not pollute prototypes', async () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const rawBody = `{"data":{"character_id":"${characterId}","query":"Hi","${key}":{"polluted":1},"inputs":{"${key}":{"polluted":1}}},"${key}":{"polluted":1}}`;
      const reply = await user.request('POST', createMessage, {
        rawBody,
        headers: { 'Content-Type': 'application/json' },
      });
      expect([200, 400]).toContain(reply.status);
    }
    const reply = await user.ask({ character_id: characterId, query: 'Hi' });
    expect(reply.text).not.toContain('polluted');
  });
});

describe('an invalid feedback body', () => {
  it.each([
    '',
    '{"data":',
    '"data"',
    'null',
    '[]',
    '{"data":[]}',
    '{"data":{}}',
    '{"data":{"rating":"__proto__"}}',
    '{"data":{"rating":{"$ne":null}}}',
    '{"data":{"rating":["like"]}}',
    '{"data":{"rating":true}}',
    '{"rating":"like"}',
    '{"data":{"__proto__":{"rating":"like"}}}',
    '{"data":{"rating":"like","content":{}}}',
    `{"data":{"rating":"like","content":"${'x'.repeat(2_001)}"}}`,
    `{"data":${deep(50_000)}}`,
  ])('returns a clear 400 and saves nothing: %s', async (rawBody) => {
    const [, { message_id }] = (await user.ask({ character_id: characterId, query: 'Hi' })).body.data;
    const reply = await user.request('PUT', `/api/chat-conversations/messages/${message_id}/feedback`, {
      rawBody,
      headers: { 'Content-Type': 'application/json' },
    });
    expect([reply.status, reply.body.error.details.code]).toEqual([400, 'invalid-request']);
    expect(reply.text).not.toMatch(/node_modules|\.js:|select |insert /u);
    const row = await app.db('chat_conversations').where({ message_id }).first();
    expect(row.feedback).toBeNull();
  });

  it('with NUL and a lone surrogate in its text reaches Dify with U+FFFD instead', async () => {
    const [, { message_id }] = (await user.ask({ character_id: characterId, query: 'Hi' })).body.data;
    const reply = await user.request('PUT', `/api/chat-conversations/messages/${message_id}/feedback`, {
      rawBody: '{"data":{"rating":"like","content":"a\\u0000b\\ud800 好"}}',
      headers: { 'Content-Type': 'application/json' },
    });
    expect(reply.status).toBe(200);
    expect(app.dify.requests.at(-1)?.body).toMatchObject({ content: 'a\uFFFDb\uFFFD 好' });
  });
});

describe('unusual text', () => {
  it.each<[string, string, string]>([
    ['NUL', 'a\0b', 'a\uFFFDb'],
    ['a lone high surrogate', 'a\uD83Db', 'a\uFFFDb'],
    ['a lone low surrogate', 'a\uDE00b', 'a\uFFFDb'],
    ['emoji, ZWJ sequences and combining marks', '👩‍👩‍👧‍👦 🇨🇳 é ü ठी', '👩‍👩‍👧‍👦 🇨🇳 é ü ठी'],
    ['line ends of every kind', 'a\nb\r\nc\rd\u2028e\u2029f\u0085g', 'a\nb\r\nc\rd\u2028e\u2029f\u0085g'],
    [
      'text that looks like SSE',
      'data: x\n\nevent: message_end\nid: 9\n\n',
      'data: x\n\nevent: message_end\nid: 9\n\n',
    ],
    [
      'text that looks like SQL, HTML and a template',
      `'; drop table x; -- <script>{{#x#}}</script> $1 ? ??`,
      `'; drop table x; -- <script>{{#x#}}</script> $1 ? ??`,
    ],
    ['a BOM, zero-width and bidi characters', '\uFEFFa\u200Bb\u202Ec', '\uFEFFa\u200Bb\u202Ec'],
    ['5000 characters', '长'.repeat(5000), '长'.repeat(5000)],
  ])('is saved, streamed and listed as the same text: %s', async (_what, query, expected) => {
    app.dify.script(async (reply) => {
      await reply.say(expected);
      await reply.end();
    });
    const events = await user.streamAll({ character_id: characterId, query });
    const end = events.at(-1)?.data;
    const row = await app.db('chat_conversations').where({ turn_id: end.turn_id, role: 'assistant' }).first();
    const listed = (await user.myList(`?filters[turn_id]=${end.turn_id}`)).body.data;

    expect((app.dify.requests.at(-1)?.body as { query: string }).query).toBe(expected);
    expect(row).toMatchObject({ query: expected, answer: expected });
    for (const message of [...end.data, ...listed])
      expect(message).toMatchObject({ query: expected, answer: expected });
    expect(events.map(({ event }) => event)).toEqual(['turn_started', 'message', 'message_end']);
  });

  it("in Dify's answer has U+FFFD for NUL and lone surrogates in the stream and in the list", async () => {
    app.dify.script(async (reply) => {
      await reply.raw(
        `data: {"event":"message","conversation_id":"${reply.conversationId}","message_id":"${reply.messageId}","task_id":"t","answer":"a\\u0000b\\ud800c"}\n\n`,
      );
      await reply.end();
    });
    const events = await user.streamAll({ character_id: characterId, query: 'Odd' });
    const end = events.at(-1)?.data;
    expect(events[1]?.data.answer).toBe('a\uFFFDb\uFFFDc');
    expect(end.data[1].answer).toBe('a\uFFFDb\uFFFDc');
  });

  it('becomes a title of one line that is cut between characters', async () => {
    const { body } = await user.ask({ character_id: characterId, query: `  A\n\tlong ${'👩‍👩‍👧‍👦'.repeat(60)}` });
    const session = await app.db('chat_sessions').where({ session_id: body.data[0].session_id }).first();
    expect(session.title).toMatch(/^A long 👩‍👩‍👧‍👦/u);
    expect(session.title.endsWith('👩‍👩‍👧‍👦…')).toBe(true);
    expect(session.title.length).toBeLessThanOrEqual(255);
  });
});

describe('the Content-Encoding of a body', () => {
  const question = () => JSON.stringify({ data: { character_id: characterId, query: 'Packed' } });
  const send = (rawBody: string | Uint8Array, headers: Readonly<Record<string, string>>) =>
    user.request('POST', createMessage, {
      rawBody,
      headers: { 'Content-Type': 'application/json', ...headers },
    });

  it.each<[string, (text: string) => Uint8Array]>([
    ['gzip', gzipSync],
    ['X-GZIP', gzipSync],
    ['deflate', deflateSync],
    ['BR', brotliCompressSync],
    ['identity', Buffer.from],
  ])('can be %s', async (coding, pack) => {
    const reply = await send(pack(question()), { 'Content-Encoding': coding });
    expect([reply.status, reply.body.data?.[0].query]).toEqual([200, 'Packed']);
  });

  it.each(['gzip', 'deflate', 'br', 'zstd', 'gzip, br', 'nonsense'])(
    'that does not fit gets 400 for every type of body: %s',
    async (coding) => {
      for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
        for (const path of [createMessage, '/api/auth/local', '/api/chat/session', '/admin/login']) {
          const reply = await user.request('POST', path, {
            rawBody: '{"identifier":"a","password":"b"}',
            headers: { 'Content-Type': type, 'Content-Encoding': coding },
          });
          expect([path, type, reply.status]).toEqual([path, type, 400]);
          expect(reply.text).toContain('Content-Encoding');
        }
      }
    },
  );

  it('that is cut off gets 400', async () => {
    const whole = gzipSync(question());
    const reply = await send(whole.subarray(0, -12), { 'Content-Encoding': 'gzip' });
    expect([reply.status, reply.body.error.message]).toEqual([
      400,
      expect.stringContaining('Content-Encoding'),
    ]);
  });

  it('does not raise the limit of a body', async () => {
    const reply = await send(gzipSync('x'.repeat(2_000_000)), { 'Content-Encoding': 'gzip' });
    expect(reply.status).toBe(413);
  });
});

describe('the bytes of a body', () => {
  it.each([
    ['an invalid byte', Buffer.from([0xff])],
    ['a cut character', Buffer.from('好').subarray(0, 2)],
    ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80])],
    ['Latin-1', Buffer.from('é', 'latin1')],
  ])('must be UTF-8: %s gets 400', async (_what, bytes) => {
    for (const path of [createMessage, '/api/auth/local', '/api/chat/message', '/conversations']) {
      const rawBody = Buffer.concat([Buffer.from('{"data":{"query":"'), bytes, Buffer.from('"}}')]);
      const reply = await user.request('POST', path, {
        rawBody,
        headers: { 'Content-Type': 'application/json' },
      });
      expect([path, reply.status, reply.text]).toEqual([path, 400, expect.stringContaining('UTF-8')]);
    }
  });

  it('null count as no body', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const replies = [
      await user.request('POST', '/api/chat/session', { rawBody: 'null', headers }),
      await user.request('POST', '/api/chat/sessions', { rawBody: ' null\n', headers }),
      await user.request('POST', '/conversations', { rawBody: 'null', headers }),
    ];
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['no Content-Type', {}],
    ['text/plain', { 'Content-Type': 'text/plain;charset=UTF-8' }],
    ['application/xml', { 'Content-Type': 'application/xml' }],
    ['application/octet-stream', { 'Content-Type': 'application/octet-stream' }],
  ])('with %s get an error that names the Content-Type', async (_what, headers) => {
    for (const path of [createMessage, '/api/auth/local', '/api/chat/session', '/conversations']) {
      const reply = await user.request('POST', path, { rawBody: Buffer.from('{"data":{}}'), headers });
      expect([path, reply.status, reply.text]).toEqual([path, 415, expect.stringContaining('Content-Type')]);
    }
  });
});

describe('an unknown path', () => {
  const paths = [
    '/api/no-such-path',
    '/no-such-path',
    '/api/chat-conversations/a/b/c',
    '/conversations/a/b/c',
  ];
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('returns for %s the same 404 as for GET', async (method) => {
    for (const path of paths) {
      const known = await user.get(path);
      const reply = await user.request(method, path);
      expect([path, reply.status, reply.body]).toEqual([path, 404, known.body]);
      expect(reply.body).toMatchObject({ data: null, error: { status: 404, name: 'NotFoundError' } });
    }
  });

  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    'of the session API returns 404 in its envelope for %s',
    async (method) => {
      for (const path of [
        '/aichat/none',
        '/aichat',
        '/api/chat/none',
        '/api/chat/sessions/a/b/c/d',
        '/api/aichat/x/y/z',
      ]) {
        const { status, body } = await user.request(method, path);
        expect([path, status, body]).toEqual([
          path,
          404,
          { code: 404, message: 'Not Found', data: null, error: {} },
        ]);
      }
    },
  );
});

describe('a body that the server cannot read', () => {
  const bodies: readonly [type: string, body: string][] = [
    ['text/plain', 'text'],
    ['application/json', '{"half":'],
    ['application/json', '\xff'.repeat(2_000_000)],
    ['multipart/form-data; boundary=x', '--x--'],
  ];
  it.each([
    [404, '/api/typo'],
    [404, '/typo'],
    [405, '/api/chat-conversations/my-list'],
    [405, '/api/chat/ready'],
  ])('does not hide the %s of POST %s', async (expected, path) => {
    for (const [type, body] of bodies) {
      const headers = { 'Content-Type': type, Authorization: `Bearer ${user.token}` };
      const reply = await fetch(`${app.url}${path}`, { method: 'POST', headers, body });
      expect([type, reply.status]).toEqual([type, expected]);
    }
  });
});

describe('a known path with another method', () => {
  it.each([
    ['GET', createMessage, 'POST'],
    ['DELETE', createMessage, 'POST'],
    ['POST', '/api/chat-conversations/my-list', 'GET'],
    ['PATCH', '/conversations', 'POST'],
    ['GET', '/conversations', 'POST'],
    ['GET', '/api/auth/local', 'POST'],
    ['PUT', '/api/auth/local/', 'POST'],
    ['POST', '/api/users/me', 'GET'],
    ['POST', '/api/chat/ready', 'GET'],
    ['DELETE', '/api/chat/search', 'GET'],
    ['POST', '/admin/init', 'GET'],
  ])('returns 405 with Allow: %s %s', async (method, path, allowed) => {
    const { status, headers, body } = await user.request(method, path);
    expect([status, body]).toEqual([
      405,
      {
        data: null,
        error: {
          status: 405,
          name: 'MethodNotAllowedError',
          message: expect.stringContaining(allowed),
          details: {},
        },
      },
    ]);
    expect(headers.get('allow')?.split(', ')).toContain(allowed);
    expect(headers.get('allow')?.split(', ')).not.toContain(method);
  });

  it('returns 405 in the envelope of the session API', async () => {
    for (const [method, path] of [
      ['GET', '/api/chat/session'],
      ['PUT', '/api/chat/sessions/x'],
      ['POST', '/aichat/getsessionlist/1'],
      ['GET', '/aichat/createsession'],
    ] as const) {
      const { status, headers, body } = await user.request(method, path);
      expect([path, status, body]).toEqual([
        path,
        405,
        { code: 405, message: expect.any(String), data: null, error: {} },
      ]);
      expect(headers.get('allow')).not.toBeNull();
    }
  });
});

describe('a list of all entries', () => {
  it.each([
    ['/api/chat-conversations', '/api/chat-conversations/my-list'],
    ['/api/chat-sessions', '/api/chat/sessions'],
  ])('%s tells a user that the own list is %s', async (path, own) => {
    const { status, body } = await user.get(path);
    expect([status, body.error.message]).toEqual([403, expect.stringContaining(own)]);
    expect((await app.anonymous.get(path)).status).toBe(401);
  });
});

describe('a malformed request', () => {
  /** Sends a raw request target and headers that fetch would refuse. @returns the status */
  function raw(path: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<number> {
    return new Promise((resolve, reject) => {
      const request = http.request(
        `${app.url}/`,
        { method, path, headers: { Authorization: `Bearer ${user.token}`, ...headers } },
        (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        },
      );
      request.on('error', reject);
      request.end(method === 'PUT' ? '{"data":{"rating":"like"}}' : undefined);
    });
  }
  it.each([
    `/api/chat-conversations/my-list?${'a[b]'.repeat(500)}=1`,
    `/api/chat-conversations/my-list?filters${'[a]'.repeat(200)}=1`,
    '/api/chat-conversations/my-list?filters[query]=%00',
    '/api/chat-conversations/my-list?filters[query]=%ED%A0%80',
    '/api/chat-conversations/my-list?filters[query]=%',
    '/api/chat-conversations/my-list?%00=1',
    '/api/chat-conversations/my-list?filters[%00]=1',
    '/api/chat-conversations/%00',
    '/api/chat-conversations/%ED%A0%80',
    '/api/ai-characters?filters[id][$eq]=99999999999999999999',
    '/api/ai-characters?filters[id][$eq]=x',
    '/api/ai-characters?filters[id]=x',
    '/api/ai-characters?filters[id][$in][0]=1&filters[id][$in][1]=%20',
    '/api/ai-characters?filters[id][$between]=x',
    '/api/ai-characters?filters[id][$gt]=1e999',
    '/api/ai-characters?filters[id][$lt]=1.5',
    '/api/ai-characters?filters[id][$contains]=x',
    '/api/ai-characters?filters[id][$containsi]=x',
    '/api/ai-characters?filters[id][$startsWith]=1',
    '/api/ai-characters?filters[id][$not][$eq]=x',
    '/api/ai-characters?filters[id][$eqi]=x',
    '/api/ai-characters?filters[id][$null]=x',
    '/api/ai-characters?filters[$or][0][id]=x',
    '/api/ai-characters?filters[$not][id][$in]=x',
    '/api/ai-characters?filters[id][id]=1',
    '/api/ai-characters?filters[numeric_id]=x',
    '/api/ai-characters?filters[$and]=x',
    '/api/ai-characters?filters[name][$and][0][$eq]=x',
    '/api/ai-characters?filters[name][$between]=x',
    '/api/ai-characters?filters[createdAt][$between][0]=2026-01-01',
    '/api/ai-characters?filters[createdAt][$contains]=2026',
    '/api/ai-characters?filters[suggested_questions][$contains]=x',
    '/api/ai-characters?filters[suggested_questions][$containsi]=x',
    '/api/ai-characters?sort=id:x',
    '/api/ai-characters?filters[name][$eq]=%00',
    '/api/ai-characters?filters[createdAt][$gt]=x',
    '/api/ai-characters?pagination[page]=-1',
    '/api/ai-characters?pagination[pageSize]=x',
    '/api/ai-characters?filters[0][name]=x',
    '/api/ai-characters?sort[0][a]=b',
    '/api/ai-characters/%00',
  ])('to %s never returns a 5xx', async (path) => {
    const status = await raw(path);
    expect(status).toBeLessThan(500);
  });

  it.each([
    '%00',
    'a%00b',
    '%',
    '%ED%A0%80',
    '%FF',
    '..',
    '%2e%2e',
    '..%2F..%2Fchat-messages',
    'a/b',
    '%20',
    '%EF%BF%BD',
    '%E5%A5%BD',
    "'%20or%20'1'='1",
    '*',
    ':message_id',
    '[object%20Object]',
    '__proto__',
    'msg_',
    '-1',
    '99999999999999999999',
    'x'.repeat(255),
    'x'.repeat(256),
    'x'.repeat(4_000),
  ])('for the message id %s returns 4xx and does not reach Dify', async (id) => {
    const headers = { 'Content-Type': 'application/json' };
    const asked = app.dify.requests.length;
    for (const [method, action] of [
      ['PUT', 'feedback'],
      ['PUT', 'read'],
      ['GET', 'suggested'],
    ] as const) {
      const status = await raw(`/api/chat-conversations/messages/${id}/${action}`, headers, method);
      expect([400, 404, 405]).toContain(status);
    }
    expect(app.dify.requests).toHaveLength(asked);
  });

  it('with the longest headers that Node accepts never returns a 5xx', async () => {
    for (const name of ['Accept', 'X-Forwarded-For', 'X-Forwarded-Proto', 'Last-Event-ID', 'Origin']) {
      expect(await raw('/api/chat-conversations/my-list', { [name]: ', @'.repeat(4_000) })).toBeLessThan(500);
    }
  });
});
