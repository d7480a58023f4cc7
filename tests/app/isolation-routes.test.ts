import { createHash, randomBytes, randomUUID } from 'node:crypto';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { startApp, type App } from '../support/app';
import { assertCleanReply, canaries } from '../support/canaries';
import type { Client } from '../support/client';
import { findGaps, routeTable, turn, upgradeSlot, type Row, type Slot } from '../support/route-table';
import { sideBySide } from '../faults/support/side-by-side';
import { connect, type SocketFrame } from '../support/socket-client';

let app: App;
let ann: Client;
let bob: Client;
let characterId: string;
/** Ids of existing things, by their names in the table of routes. */
let ids: Readonly<Record<string, string>>;
let cases = 0;

const bobsSecret = `Bobs secret ${canaries.query}`;

beforeAll(async () => {
  // A refused write counts, too, so these limits are off. The tests look for every other trace of a request.
  app = await startApp({
    env: {
      CHAT_WS_MESSAGES_PER_SECOND: '10000',
      CHAT_WRITES_PER_MINUTE: '0',
      CHAT_STORED_CHARS_PER_DAY: '0',
    },
  });
  const ada = await app.admin.createCharacter();
  const draft = await app.admin.createDraft({ name: 'Draft', prompt: `Hidden. ${canaries.draft}` });
  characterId = ada.documentId;
  for (let i = 0; i < 5; i += 1) await app.createUser();
  bob = await app.createUser();
  ann = await app.createUser();
  await fillUp();
  ids = {
    ...(await createThings("Bob's", bob, bobsSecret)),
    ...(await createThings("Ann's", ann, 'Anns question')),
    "Ada's documentId": ada.documentId,
    "Ada's id": String(ada.id),
    "a draft's documentId": draft.documentId,
    "a draft's id": String(draft.id),
  };
  await allCopied();
});
afterAll(async () => {
  agent.destroy();
  await app.stop();
});

/** Adds rows, so that each number below is the id of one thing only. No id then matches another kind by chance. */
async function fillUp(): Promise<void> {
  for (let i = 0; i < 12; i += 1) {
    const { session_id } = (await bob.post('/api/chat/session', {})).body.data;
    for (let j = 0; j < 3; j += 1) await bob.post('/api/chat/message', { session_id, content: 'Filler' });
  }
}

/** Waits until the background job has copied all answers to the history, which changes a column of them. */
async function allCopied(): Promise<void> {
  const untilMs = Date.now() + 30_000;
  while ((await app.db('chat_conversations').whereNotNull('history_due').first('id')) !== undefined) {
    if (Date.now() > untilMs) throw new Error('The history has not been written.');
    await pause(50);
  }
}

/** Creates a turn, a turn in a deleted session, and a deleted message. @returns their ids, by name. */
async function createThings(whose: string, user: Client, query: string) {
  const ask = async () => (await user.ask({ character_id: characterId, query })).body.data;
  const [question, answer] = await ask();
  const [lost] = await ask();
  await user.request('DELETE', `/api/chat/sessions/${lost.session_id}`);
  const { session_id } = question;
  const { data: gone } = (await user.post('/api/chat/message', { session_id, content: query })).body;
  await user.request('DELETE', `/api/chat/messages/${gone.message_id}`);
  const session = await app.db('chat_sessions').where({ session_id }).first();
  const { data: token } = (await user.post('/api/chat/tokens', { data: { name: 'Robot', scopes: ['read'] } }))
    .body;
  const things = {
    session_id,
    'session row': session.id,
    'session documentId': session.document_id,
    conversation_id: question.conversation_id,
    turn_id: question.turn_id,
    token_id: token.token_id,
    message_id: question.message_id,
    'message row': question.id,
    'message documentId': question.documentId,
    'message UUID': historyIdOf(question),
    "answer's message_id": answer.message_id,
    "answer's row": answer.id,
    'deleted session_id': lost.session_id,
    'deleted turn_id': lost.turn_id,
    'deleted message row': gone.message_id,
    'deleted message_id': gone.public_id,
    'user row': user.user.id,
    'user documentId': user.user.documentId,
    username: user.user.username,
    email: user.user.email,
  };
  return Object.fromEntries(Object.entries(things).map(([what, id]) => [`${whose} ${what}`, String(id)]));
}

function historyIdOf({ id, documentId }: { id: number; documentId: string }): string {
  const hash = createHash('sha256').update(documentId).digest('hex');
  const number = id.toString(16).padStart(12, '0');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(12, 15)}-8${hash.slice(15, 18)}-${number}`;
}

const someUuid = '00000000-0000-4000-8000-000000000000';

/** Ids that identify nothing, encoded for a path. */
const strangeIds: readonly string[] = [
  someUuid,
  '00000000-0000-8000-8000-0000ffffffff',
  '0',
  '-1',
  '1.5',
  '1e3',
  '0x10',
  '2147483648',
  '9223372036854775808',
  '9'.repeat(40),
  'x',
  'null',
  'undefined',
  '*',
  '__proto__',
  ':session_id',
  '..',
  '%2e%2e',
  '..%2F..%2Fsessions',
  '%2F',
  'a%2Fb',
  '%00',
  'a%00b',
  '%25',
  '%20',
  '%F0%9F%92%A5',
  "'%20or%20'1'='1",
  '[object%20Object]',
  'x'.repeat(256),
  'x'.repeat(5_000),
];

/** Returns an id of the same form that identifies nothing. */
function twinOf(id: string): string {
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8/u.test(id)) return `00000000-0000-8000-8000-${id.slice(-12)}`;
  if (/^[0-9a-f-]{36}$/u.test(id)) return randomUUID();
  if (/^\d+$/u.test(id)) return '2000000000';
  if (id.startsWith('msg_')) return `msg_${Date.now()}_${randomBytes(8).toString('hex')}`;
  if (id.includes('@')) return 'nobody@example.com';
  return 'z'.repeat(id.length);
}

/** Sends one request for all unknown ids of the same form, because their replies are equal. */
function oncePerShape(answerTo: (id: string) => Promise<Exchange>) {
  const replies = new Map<string, Promise<Exchange>>();
  return (id: string): Promise<Exchange> => {
    // The number in an id of the history is a position in a list, so it stays a part of the form.
    const twin = twinOf(id);
    const shape = twin.startsWith('00000000-') ? twin : twin.replaceAll(/[0-9a-f]/gu, '0');
    const reply = replies.get(shape) ?? answerTo(twin);
    replies.set(shape, reply);
    return reply;
  };
}

/** Returns the ids that must have no effect in this slot. */
const triedIn = ({ kind }: Slot) => Object.entries(ids).filter(([name]) => !kind.takes.includes(name));

const atOnce = <T>(all: readonly T[], job: (one: T) => Promise<void>) =>
  sideBySide({ count: all.length, width: 8 }, (index) => job(all[index] as T));

interface Exchange {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly isUpgrade?: boolean;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

/** Sends the path unchanged. `fetch` would resolve `..`. */
function send({ method, target, body, token, isUpgrade = false }: Sent): Promise<Exchange> {
  const content = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(content !== undefined && {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(content),
    }),
    ...(isUpgrade && {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }),
  };
  return new Promise((resolve, reject) => {
    const request = http.request(
      `${app.url}/`,
      { method, path: target, headers, agent: isUpgrade ? false : agent },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          assertCleanReply(text, `${method} ${target}`);
          // These headers depend on how much of the unread body had arrived before the reply.
          const {
            date: _date,
            connection: _connection,
            'keep-alive': _keepAlive,
            ...rest
          } = response.headers;
          resolve({ status: response.statusCode ?? 0, headers: rest, text });
        });
      },
    );
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve({ status: 101, headers: {}, text: '' });
    });
    request.on('error', reject);
    request.end(content);
  });
}

function codeOf({ text }: Exchange): string {
  const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : {};
  const { error, code } = parsed as {
    error?: { code?: string; details?: { code?: string } };
    code?: unknown;
  };
  // The Dify API has the code of an error outside. The session API has the status there.
  return error?.details?.code ?? error?.code ?? (typeof code === 'string' ? code : 'none');
}

/** Builds Ann's request with an id, encoded for a path, in one slot, and her own ids in the other path slots. */
function requestWith(route: string, row: Row, slot: Slot, id: string): Sent {
  const [method = '', pattern = ''] = route.split(' ');
  const target = row.slots
    .filter(({ place }) => place === 'path')
    .reduce((path, other) => {
      const value = other === slot ? id : (ids[other.kind.takes[0] ?? ''] ?? 'x');
      return path.replace(`:${other.name}`, () => value);
    }, pattern);
  const query = slot.place === 'query' ? `?${encodeURIComponent(slot.name)}=${id}` : '';
  const body = bodyWith(row, slot.place === 'body' ? [slot.name, decodeURIComponent(id)] : undefined);
  return { method, target: `${target}${query}`, body, token: ann.token };
}

function bodyWith({ body }: Row, entry?: readonly [name: string, value: unknown]): unknown {
  if (body === undefined) return undefined;
  const copy = JSON.parse(JSON.stringify(body).replace('$character', characterId)) as Record<string, unknown>;
  if (entry === undefined) return copy;
  const names = entry[0].split('.');
  const last = names.pop() ?? '';
  const holder = names.reduce((object, name) => object[name] as Record<string, unknown>, copy);
  holder[last] = entry[1];
  return copy;
}

const routes = Object.entries(routeTable);
const slots = routes.flatMap(([route, row]) =>
  row.slots.map((slot) => [`${route} by ${slot.place} ${slot.name}`, route, row, slot] as const),
);

/** Returns the route with `/api`, and without it if the server serves both. */
const doorsOf = (route: string, { isAtRoot }: Row) =>
  isAtRoot ? [route, route.replace(' /api', ' ')] : [route];

/** Returns the requests to Dify, except those of the check of the upstreams, which runs once a minute. */
const requestsForUsers = () =>
  app.dify.requests.filter(
    ({ path }) => !path.startsWith('/v1/parameters') && !path.includes('user=character-chat&'),
  );

/** Returns all rows that a request could change. */
async function allRows(): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const table of [
    'chat_sessions',
    'chat_conversations',
    'chat_tokens',
    'up_users',
    'ai_characters',
    'chat_limits',
  ]) {
    rows[table] = await app.db(table).orderBy(table === 'chat_limits' ? 'key' : 'id');
  }
  return rows;
}

describe('the table of routes', () => {
  it('contains every route that Strapi serves', async () => {
    const reply = await app.admin.client.get('/users-permissions/routes');
    const apis = Object.entries(reply.body.routes as Record<string, { method: string; path: string }[]>);
    const own = apis
      .filter(([api]) => api.startsWith('api::'))
      .flatMap(([, list]) => list.map(({ method, path }) => `${method} ${path}`));
    expect(own.length).toBeGreaterThan(40);
    expect(findGaps(own)).toEqual([]);
  });

  it('reports a served route that it lacks, and a route that Strapi does not serve', () => {
    const known = Object.keys(routeTable);
    const [first = '', ...others] = known;
    expect(findGaps([...known, 'GET /api/new/:id'])).toEqual(['GET /api/new/:id is not in the table']);
    expect(findGaps(others)).toEqual([`${first} is no route`]);
  });

  it('uses each numeric id for one thing only', () => {
    const numbers = Object.values(ids).filter((id) => /^\d+$/u.test(id));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.length).toBeGreaterThanOrEqual(12);
  });
});

describe.each(slots)('%s', (_name, route, row, slot) => {
  it("changes nothing for Bob's, deleted, invented or wrong ids, and replies as to an unknown id", async () => {
    const before = await allRows();
    const asked = requestsForUsers().length;
    const found: Record<string, unknown> = {};
    const expected: Record<string, unknown> = {};
    for (const door of doorsOf(route, row)) {
      const answerTo = (id: string) => send(requestWith(door, row, slot, id));
      const answerToTwin = oncePerShape(answerTo);
      await atOnce(triedIn(slot), async ([name, id]) => {
        const reply = await answerTo(encodeURIComponent(id));
        found[`${door} ${name}`] = { ...reply, ...designed(slot, id, reply) };
        expected[`${door} ${name}`] = { ...(await answerToTwin(id)), isAsDesigned: true };
      });
      const nobodys = await answerToTwin(someUuid);
      await atOnce(strangeIds, async (id) => {
        const reply = await answerTo(id);
        const isSame = reply.status !== 400 && reply.status === nobodys.status;
        found[`${door} ${id}`] = { ...reply, ...designed(slot, decodeURIComponent(id), reply) };
        expected[`${door} ${id}`] = { ...(isSame ? nobodys : reply), isAsDesigned: true };
      });
    }
    cases += Object.keys(found).length;
    expect(found).toEqual(expected);
    expect(JSON.stringify(found)).not.toContain(bobsSecret);
    expect(await allRows()).toEqual(before);
    expect(requestsForUsers()).toHaveLength(asked);
  });
});

/** Compares a reply with the table. Status 0 is a filter, which finds nothing or is refused with 400. */
function designed({ kind }: Slot, id: string, reply: Exchange): { isAsDesigned: unknown } {
  const { status, codes } = kind.refusalOf(id);
  const code = codeOf(reply);
  const isAsDesigned =
    status === 0
      ? (reply.status === 200 && /"(?:data|items)":\[\]/u.test(reply.text)) ||
        (reply.status === 400 && code === 'invalid-request')
      : reply.status === status && (codes.length === 0 ? code === 'none' : codes.includes(code));
  return { isAsDesigned: isAsDesigned ? true : `${reply.status} ${code}` };
}

/** Ids in paths. Ann must not reach Bob's things by any HTTP method. */
const pathSlots = slots.filter(([, , , { place }]) => place === 'path');
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const patterns = [...new Set(pathSlots.map(([, route]) => route.split(' ')[1] ?? ''))];
const unserved = patterns.flatMap((pattern) =>
  methods
    .filter((method) => routeTable[`${method} ${pattern}`] === undefined)
    .map((method) => [method, pattern] as const),
);

describe.each(unserved)('%s %s, which is not a route', (method, pattern) => {
  it("returns the same reply for Bob's id and an unknown id", async () => {
    const sample = pathSlots.find(([, route]) => route.endsWith(` ${pattern}`));
    if (sample === undefined) throw new Error(`Nothing is known of ${pattern}.`);
    const [, route, row] = sample;
    const before = await allRows();
    const found: Record<string, unknown> = {};
    const expected: Record<string, unknown> = {};
    for (const slot of row.slots.filter(({ place }) => place === 'path')) {
      const answerTo = (id: string) => send({ ...requestWith(route, row, slot, id), method });
      const answerToTwin = oncePerShape(answerTo);
      const bobs = triedIn(slot).filter(([name]) => name.startsWith("Bob's"));
      await atOnce(bobs, async ([name, id]) => {
        found[`${slot.name} ${name}`] = await answerTo(encodeURIComponent(id));
        expected[`${slot.name} ${name}`] = await answerToTwin(id);
      });
    }
    cases += Object.keys(found).length;
    expect(found).toEqual(expected);
    expect(await allRows()).toEqual(before);
  });
});

describe('a WebSocket', () => {
  it.each(['/ws', '/api/ws'])("at %s is refused alike for Bob's and an unknown session", async (path) => {
    const before = await allRows();
    const open = (id: string) =>
      send({ method: 'GET', target: `${path}/${id}`, token: ann.token, isUpgrade: true });
    const nobodys = await open(randomUUID());
    expect([nobodys.status, codeOf(nobodys)]).toEqual([404, 'session-not-found']);
    const named = Object.entries(ids).filter(([name]) => !upgradeSlot.kind.takes.includes(name));
    for (const id of [...named.map(([, value]) => encodeURIComponent(value)), ...strangeIds]) {
      cases += 1;
      expect([id, await open(id)]).toEqual([id, nobodys]);
    }
    expect(await allRows()).toEqual(before);
  });

  it.each(['stop', 'resume'])("replies to %s for Bob's turn as for an unknown turn", async (type) => {
    const before = await allRows();
    const device = await connect(app.url, `/ws/${ids["Ann's session_id"]}`, { token: ann.token });
    const answerTo = async (turnId: string, label: string) => {
      device.send({ type, turn_id: turnId, request_id: label });
      const { request_id: _id, ...frame } = await device.until((other) => other['request_id'] === label);
      return frame satisfies Partial<SocketFrame>;
    };
    const texts = [...Object.entries(ids), ...strangeIds.map((id) => [id, decodeURIComponent(id)] as const)];
    const nobodys = await answerTo(randomUUID(), 'nobodys');
    const wrong = await answerTo('x', 'wrong');
    expect([nobodys['code'], wrong['code']]).toEqual(['turn-not-found', 'invalid-request']);
    for (const [name, id] of texts) {
      if (turn.takes.includes(name)) continue;
      cases += 1;
      const couldBe = /^[0-9a-f-]{36}$/u.test(id);
      expect([name, await answerTo(id, `${type} ${name.slice(0, 100)}`)]).toEqual([
        name,
        couldBe ? nobodys : wrong,
      ]);
    }
    expect(device.frames.filter(({ seq }) => seq !== undefined)).toEqual([]);
    await device.leave();
    expect(await allRows()).toEqual(before);
  });
});

describe('without a login', () => {
  const closedRoutes = routes.filter(([, { isPublic }]) => !isPublic);

  it.each(closedRoutes)("%s returns the same 401 for Bob's, Ann's and unknown ids", async (route, row) => {
    const before = await allRows();
    for (const door of doorsOf(route, row)) {
      for (const token of [undefined, 'nonsense', `${bob.token}x`]) {
        const replies = [];
        for (const whose of ["Bob's", "Ann's", undefined]) {
          const { method, target, body } = anonymousRequest(door, row, whose);
          replies.push(await send({ method, target, body, token }));
        }
        const [first] = replies;
        cases += replies.length;
        expect([door, token, first?.status]).toEqual([door, token, 401]);
        expect(replies).toEqual(replies.map(() => first));
      }
    }
    expect(await allRows()).toEqual(before);
  });

  it('only the routes for readiness, metrics, links to files and the description of the API are open', async () => {
    const open = routes.filter(([, { isPublic }]) => isPublic).map(([route]) => route);
    expect(open).toEqual([
      'GET /api/chat/ready',
      'GET /api/chat/metrics',
      'GET /api/chat-conversations/files/:link',
      'GET /api/openapi.json',
      'GET /api/docs',
      'GET /api/docs/:file',
    ]);
    expect((await send({ method: 'GET', target: '/api/chat/ready' })).status).toBe(200);
    // The metrics need their own token, which no user has.
    expect((await send({ method: 'GET', target: '/api/chat/metrics', token: ann.token })).status).toBe(404);
  });

  /** Builds a request with valid ids of this user in every slot, or with unknown ids if `whose` is undefined. */
  function anonymousRequest(route: string, row: Row, whose: string | undefined): Sent {
    const idOf = ({ kind }: Slot) => {
      const id = ids[(kind.takes[0] ?? "Ann's message documentId").replace("Ann's", whose ?? "Ann's")] ?? 'x';
      return whose === undefined ? twinOf(id) : encodeURIComponent(id);
    };
    const [method = '', pattern = ''] = route.split(' ');
    const target = row.slots
      .filter(({ place }) => place === 'path')
      .reduce((path, slot) => path.replace(`:${slot.name}`, () => idOf(slot)), pattern);
    const inBody = row.slots.find(({ place }) => place === 'body');
    return { method, target, body: bodyWith(row, inBody && [inBody.name, idOf(inBody)]) };
  }
});

describe('without /api', () => {
  it.each(routes.filter(([, { isAtRoot }]) => !isAtRoot))('%s is not served', async (route) => {
    const [method = '', pattern = ''] = route.split(' ');
    const target = pattern.replace('/api', '').replaceAll(/:\w+/gu, randomUUID());
    expect([404, 405]).toContain((await send({ method, target, token: ann.token })).status);
  });
});

it('the isolation tests try at least 300 ids', () => {
  process.stdout.write(`isolation · ${cases} cases\n`);
  expect(cases).toBeGreaterThanOrEqual(300);
});
