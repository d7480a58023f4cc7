import { setTimeout } from 'node:timers/promises';

import { decode, sign, type JwtPayload } from 'jsonwebtoken';

import { startApp, type App } from '../support/app';
import { createClient, type Client, type Reply } from '../support/client';
import { database } from '../support/database';
import { fewestStatementsOf, statementsOf, writingStatements } from '../support/statements';

let app: App;

beforeAll(async () => {
  app = await startApp({ env: { ...writingStatements, AUTH_REMEMBER_SECONDS: '3600' } });
});
afterAll(() => app.stop());

const list = '/api/chat-conversations/my-list';
const myList = 'api::chat-conversation.chat-conversation.myList';

/** Counts the SQL statements of a request that contain `part`. */
async function countOf(request: () => Promise<unknown>, part = ''): Promise<number> {
  const statements = await statementsOf(app, request);
  return statements.filter((statement) => statement.includes(part)).length;
}

/** Counts the reads of users, without the checks for ended logins. ended-logins.test.ts tests those. */
async function countUserReads(request: () => Promise<unknown>): Promise<number> {
  const statements = await statementsOf(app, request);
  return statements.filter((text) => text.includes('up_users') && !text.includes('chat_logins')).length;
}

/** Inserts messages of a session directly into the tables. */
async function addLines({ user }: Client, sessionId: string, count: number): Promise<void> {
  const { id, message_count } = await app.db('chat_sessions').where({ session_id: sessionId }).first();
  const rows = Array.from({ length: count }, (_, index) => ({
    document_id: `row${message_count + index}`,
    message_id: `msg_row_${message_count + index}`,
    role: 'user',
    query: `Line ${message_count + index}`,
    session_id: id,
    user_id: user.id,
    is_deleted: false,
    created_at: new Date(),
    updated_at: new Date(),
  }));
  await app.db.batchInsert('chat_conversations', rows, 50);
  await app
    .db('chat_sessions')
    .where({ id })
    .update({ message_count: message_count + count });
}

describe('a login', () => {
  it('is looked up among users, not among API tokens', async () => {
    const user = await app.createUser();
    const lookups = await countOf(async () => {
      expect((await user.get(list)).status).toBe(200);
      expect((await createClient(app.url, 'f'.repeat(256)).get(list)).status).toBe(401);
    }, 'strapi_api_tokens');
    expect(lookups).toBe(1);
  });

  it('is read once and then cached, so that the second request needs only its own statements', async () => {
    const user = await app.createUser();
    const first = await countOf(() => user.get(list));
    const { length: second } = await fewestStatementsOf(app, () => user.get(list));
    expect([1, 2]).toContain(second);
    expect(first).toBeGreaterThan(second);
  });

  it('is read once for parallel requests', async () => {
    const [one, many] = [await app.createUser(), await app.createUser()];
    const alone = await countUserReads(() => one.get(list));
    const together = await countUserReads(async () => {
      const replies = await Promise.all(Array.from({ length: 10 }, () => many.get(list)));
      expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    });
    expect(alone).toBeGreaterThan(0);
    expect(together).toBe(alone);
  });

  it('is refused for each parallel request with an invalid token', async () => {
    const nobody = createClient(app.url, 'no.token.atall');
    const replies = await Promise.all(Array.from({ length: 10 }, () => nobody.get(list)));
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 401));
  });

  it('reads the permissions of a role once, not for each user', async () => {
    const users = [await app.createUser(), await app.createUser(), await app.createUser()];
    const reads = await countOf(() => Promise.all(users.map((user) => user.get(list))), 'up_permissions');
    expect(reads).toBeLessThanOrEqual(1);
    expect(app.output()).toMatch(/knex:query .*up_permissions/u);
  });

  it('needs at most five statements for the first screen, and at most three or four for a list', async () => {
    const user = await app.createUser();
    await user.post('/api/chat/session', {});
    const { session_id } = (await user.post('/api/chat/session', {})).body.data;
    // On PostgreSQL the server first checks whether the user has many messages.
    const most = database === 'sqlite' ? 3 : 4;
    const lists: readonly (readonly [name: string, most: number, send: () => Promise<Reply>])[] = [
      ['first screen', 5, () => user.get(`/aichat/getsessionlistshow/${user.user.id}`)],
      [
        'a page after the first screen',
        3,
        () => user.get(`/aichat/getsessionlistshow/${user.user.id}?page=2&page_size=1`),
      ],
      ['sessions of the view', 3, () => user.get(`/aichat/getsessionlist/${user.user.id}`)],
      ['sessions', 3, () => user.post('/api/chat/sessions', {})],
      ['messages', 3, () => user.get(`/api/chat/sessions/${session_id}/messages`)],
      ['messages of a late page', 3, () => user.get(`/api/chat/sessions/${session_id}/messages?page=9`)],
      ['messages of the view', 3, () => user.get(`/aichat/sessions/${session_id}/messages`)],
      ['session of the view', 3, () => user.get(`/aichat/sessions/${session_id}`)],
      ['my-list', most, () => user.get(list)],
      ['my-list by a filter', most, () => user.get(`${list}?filters[session_id]=${session_id}&pageSize=100`)],
      ['conversations', 3, () => user.get(`/users/${user.user.id}/conversations`)],
      ['a part of a history', most, () => user.get(`/conversations/${session_id}/messages?limit=50`)],
    ];
    const readsBeside = new Set(database === 'sqlite' ? ['my-list by a filter', 'a part of a history'] : []);
    // On PostgreSQL a transaction limits the time of these reads. Its own statements do not count.
    const isOwn = (statement: string) =>
      !/query (begin|commit|set local|select set_config)/iu.test(statement);
    const costs = async () => {
      const found: Record<string, unknown> = {};
      for (const [name, most, send] of lists) {
        const get = async () => expect((await send()).status).toBe(200);
        const { length: count } = await fewestStatementsOf(app, get, isOwn);
        // No statement at all shows a broken count, except for SQLite's reader thread, which logs no statements.
        found[name] = (count >= 1 || readsBeside.has(name)) && count <= most ? 'few' : count;
      }
      return found;
    };
    const few = Object.fromEntries(lists.map(([name]) => [name, 'few']));
    // The login is cached from here on.
    await user.get(list);
    await addLines(user, session_id, 10);
    expect(await costs()).toEqual(few);
    await addLines(user, session_id, 9_990);
    const whole = await user.get(`/api/chat/sessions/${session_id}/messages`);
    expect(whole.body.data.total).toBe(10_000);
    expect(await costs()).toEqual(few);
  });

  it('ends immediately when the user is blocked, and stays ended when the user is unblocked', async () => {
    const user = await app.createUser();
    expect((await user.get(list)).status).toBe(200);
    await app.admin.setBlocked(user.user.documentId, true);
    expect((await user.get(list)).status).toBe(401);
    await app.admin.setBlocked(user.user.documentId, false);
    expect((await user.get(list)).status).toBe(401);
  });

  it('ends immediately when the user is deleted', async () => {
    const user = await app.createUser();
    expect((await user.get(list)).status).toBe(200);
    const path = `/content-manager/collection-types/plugin::users-permissions.user/${user.user.documentId}`;
    expect((await app.admin.client.request('DELETE', path)).status).toBe(200);
    expect((await user.get(list)).status).toBe(401);
  });

  it('immediately loses a permission that its role loses', async () => {
    const user = await app.createUser();
    expect((await user.get(list)).status).toBe(200);
    await app.admin.setAllowed(myList, false);
    expect((await user.get(list)).status).toBe(403);
    await app.admin.setAllowed(myList, true);
    expect((await user.get(list)).status).toBe(200);
  });

  it("belongs to its own token: another user's, a missing and a forged token do not use it", async () => {
    const [user, other] = [await app.createUser(), await app.createUser()];
    await user.get(list);
    const me = async (token: string | undefined) => createClient(app.url, token).get('/api/users/me');
    expect((await me(user.token)).body.id).toBe(user.user.id);
    expect((await me(other.token)).body.id).toBe(other.user.id);
    const [head, payload] = String(user.token).split('.');
    const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    for (const token of [
      undefined,
      `${head}.${payload}.forged`,
      `${head}.${payload}.`,
      `${unsigned}.${payload}.`,
    ]) {
      expect((await createClient(app.url, token).get(list)).status).toBe(401);
    }
  });
});

describe('with AUTH_REMEMBER_SECONDS=1', () => {
  let short: App;
  beforeAll(async () => {
    short = await startApp({ env: { AUTH_REMEMBER_SECONDS: '1' } });
  });
  afterAll(() => short.stop());

  it('a login stays valid for at most a second after another process blocks the user', async () => {
    const user = await short.createUser();
    expect((await user.get(list)).status).toBe(200);
    // Directly in the database, like another process.
    await short.db('up_users').where({ id: user.user.id }).update({ blocked: true });
    const since = Date.now();
    while ((await user.get(list)).status !== 401) expect(Date.now() - since).toBeLessThan(20_000);
  });

  it('a permission that another process revokes ends after a second for every login', async () => {
    const statusOf = async (user: Client) => (await user.get(list)).status;
    // Create all users first, because a new user clears the cache of this process.
    const users: Client[] = [];
    for (let count = 0; count < 10; count += 1) users.push(await short.createUser());
    const [first, ...others] = users;
    expect(await statusOf(first as Client)).toBe(200);
    await short.db('up_permissions').where({ action: myList }).update({ action: 'api::none' });
    const takenMs = Date.now();
    for (const user of others) {
      await statusOf(user);
      await setTimeout(100);
    }
    await setTimeout(Math.max(0, takenMs + 1_000 - Date.now()));
    for (const user of users) expect(await statusOf(user)).toBe(403);
  });
});

it('a cached login ends when its token expires', async () => {
  const { token } = await app.createUser();
  const { iat: _iat, ...payload } = decode(String(token)) as JwtPayload;
  const exp = Math.ceil(Date.now() / 1000) + 1;
  const ending = sign({ ...payload, exp }, String(app.variables['JWT_SECRET']));
  const ask = () => createClient(app.url, ending).get(list);
  expect((await ask()).status).toBe(200);
  while (Date.now() < exp * 1000) expect([200, 401]).toContain((await ask()).status);
  expect((await ask()).status).toBe(401);
});
