import { createHash } from 'node:crypto';

import { itInFull } from '../faults/support/scale';
import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { createClient, readStream, type Client, type Reply } from '../support/client';
import { database, inHost } from '../support/database';
import { logInAgain, register, type Login } from '../support/login';
import { codeOf, idsOfTurn, toRequest, type OwnThings } from '../support/route-requests';
import { routeTable } from '../support/route-table';
import { connect } from '../support/socket-client';
import { until } from '../support/until';
import { fewestStatementsOf, statementsOf, writingStatements } from '../support/statements';

let app: App;
let characterId: string;
/** A client with a full-access API token. */
let apiToken: Client;

beforeAll(async () => {
  // A cached login would stay valid for an hour.
  app = await startApp({ env: { ...writingStatements, AUTH_REMEMBER_SECONDS: '3600' } });
  characterId = (await app.admin.createCharacter()).documentId;
  const settings = { name: 'all', description: '', type: 'full-access', lifespan: null };
  const { body } = await app.admin.client.post('/admin/api-tokens', settings);
  apiToken = createClient(app.url, body.data.accessKey);
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

/** SQLite supports one process, whose cache does not notice other programs. So this one has no cache there. */
const noticing = onceOnly(async () =>
  database === 'postgres' ? app.url : app.startAnother({ AUTH_REMEMBER_SECONDS: '0' }),
);

function onceOnly<T>(begin: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | undefined;
  return () => (begun ??= begin());
}

const tokens = '/api/chat/tokens';
const all = ['read', 'ask'];

interface Made {
  readonly tokenId: string;
  readonly secret: string;
}

async function make(user: Client, scopes = all, data: object = {}): Promise<Made> {
  const { status, body } = await user.post(tokens, { data: { name: 'Robot', scopes, ...data } });
  expect(status).toBe(201);
  return { tokenId: body.data.token_id, secret: body.data.token };
}

const clientOf = (user: Client, { secret }: Made, url = app.url) => createClient(url, secret, user.user);
const asClient = ({ jwt, user }: Login, url = app.url) => createClient(url, jwt, user);
const revoke = (user: Client, { tokenId }: Made) => user.request('DELETE', `${tokens}/${tokenId}`);
const ask = (user: Client) => user.ask({ character_id: characterId, query: 'How is the sea?' });

describe('a personal token', () => {
  it('is shown once, stored as a digest, and listed without it', async () => {
    const user = await app.createUser();
    const expires_at = new Date(Date.now() + 86_400_000).toISOString();
    const reply = await user.post(tokens, { data: { name: ' Robot ', scopes: ['ask', 'read'], expires_at } });
    const { token, ...listed } = reply.body.data;
    expect([reply.status, reply.headers.get('cache-control')]).toEqual([201, 'no-store']);
    expect(token).toMatch(/^cct_[\w-]{43}$/u);
    expect(listed).toEqual({
      token_id: expect.stringMatching(/^[0-9a-f-]{36}$/u),
      name: 'Robot',
      scopes: all,
      created_at: expect.any(String),
      expires_at,
      last_used_at: null,
    });
    expect((await user.get(tokens)).body).toEqual({ data: [listed] });
    const row = await app.db('chat_tokens').where({ token_id: listed.token_id }).first();
    expect(row.hash).toBe(createHash('sha256').update(token).digest('hex'));
    expect(JSON.stringify(row)).not.toContain(token);
    expect((await user.get('/api/chat/export')).text).toContain(
      `{"type":"token",${JSON.stringify(listed).slice(1)}`,
    );
  });

  it('works on every API, and shows its user and the time of its use', async () => {
    const user = await app.createUser();
    const made = await make(user);
    const robot = clientOf(user, made);
    const { status, body } = await ask(robot);
    expect([status, body.data[1].outcome, body.data[0].user.id]).toEqual([200, 'completed', user.user.id]);
    const { session_id } = body.data[0];
    expect((await robot.get('/api/users/me')).body.username).toBe(user.user.username);
    expect((await robot.myList()).body.data).toHaveLength(2);
    expect((await robot.get(`/aichat/getsessionlist/${user.user.id}`)).status).toBe(200);
    expect((await robot.get(`/conversations/${session_id}/messages`)).status).toBe(200);
    expect((await robot.get('/api/v1/conversations')).status).toBe(200);
    expect((await robot.get(`/api/dify/${characterId}/v1/parameters`)).status).toBe(200);
    const streamed = await robot.streamAll({ character_id: characterId, query: 'And now?', session_id });
    expect(streamed.at(-1)?.event).toBe('message_end');
    const [listed] = (await user.get(tokens)).body.data;
    expect(Date.now() - Date.parse(listed.last_used_at)).toBeLessThan(60_000);
  });

  it('opens a WebSocket, by header, by subprotocol and by its first frame', async () => {
    const user = await app.createUser();
    const { secret } = await make(user);
    const { session_id } = (await user.post('/api/chat/session', { character_id: characterId })).body.data;
    const path = `/ws/${session_id}`;
    const devices = [
      await connect(app.url, path, { token: secret }),
      await connect(app.url, path, { protocols: ['bearer', secret] }),
      await connect(app.url, path),
    ];
    devices[2]?.send({ type: 'auth', token: secret });
    for (const device of devices) await device.until(({ event }) => event === 'connected');
    devices[0]?.send({ type: 'ask', query: 'How is the sea?' });
    for (const device of devices) await device.until(({ event }) => event === 'message_end');
    for (const device of devices) await device.leave();
  });

  it('makes, lists and ends no token, and opens no account', async () => {
    const user = await app.createUser();
    const robot = clientOf(user, await make(user));
    const other = await make(user);
    const passwords = {
      currentPassword: password,
      password: 'Another-Passw0rd',
      passwordConfirmation: 'Another-Passw0rd',
    };
    const replies = [
      await robot.post(tokens, { data: { name: 'Second', scopes: all } }),
      await robot.get(tokens),
      await revoke(robot, other),
      await robot.post('/api/auth/change-password', passwords),
      await robot.post('/api/auth/logout', { scope: 'all' }),
      await robot.get('/api/auth/sessions'),
      await robot.request('DELETE', '/api/auth/sessions/x'),
      await robot.request('PUT', `/api/users/${user.user.id}`, { body: { username: 'x' } }),
      await robot.request('DELETE', `/api/users/${user.user.id}`),
      await robot.get('/api/users'),
    ];
    // The accounts of a host are its own. They know no personal token.
    const ofAccounts = inHost ? [401, null] : [403, 'token-not-allowed'];
    expect(replies.map(({ status, body }) => [status, codeOf(body)])).toEqual(
      replies.map((_, index) => (index < 3 ? [403, 'token-not-allowed'] : ofAccounts)),
    );
    expect((await user.get(tokens)).body.data).toHaveLength(2);
    expect(await ask(user)).toMatchObject({ status: 200 });
  });

  it('belongs to its user: others can neither see nor end it', async () => {
    const [user, other] = [await app.createUser(), await app.createUser()];
    const made = await make(user);
    expect((await other.get(tokens)).body.data).toEqual([]);
    const refused = await revoke(other, made);
    expect([refused.status, codeOf(refused.body)]).toEqual([404, 'token-not-found']);
    expect((await clientOf(user, made).myList()).status).toBe(200);
    expect([(await revoke(user, made)).status, (await revoke(user, made)).status]).toEqual([200, 404]);
  });

  it('is refused above the limit of tokens, even if all requests arrive together', async () => {
    const user = await app.createUser();
    const replies = await Promise.all(
      Array.from({ length: 25 }, () => user.post(tokens, { data: { name: 'Robot', scopes: all } })),
    );
    const refused = replies.filter(({ status }) => status !== 201);
    expect(refused.map(({ status, body }) => [status, codeOf(body)])).toEqual(
      Array.from({ length: 5 }, () => [409, 'too-many-tokens']),
    );
    const { body } = await user.get(tokens);
    await app
      .db('chat_tokens')
      .where({ token_id: body.data[0].token_id })
      .update({ expires: Date.now() - 1 });
    await make(user);
    expect((await user.get(tokens)).body.data).toHaveLength(20);
  });

  it('is refused alike if it is unknown, changed or cut', async () => {
    const user = await app.createUser();
    const { secret } = await make(user);
    for (const token of [
      `cct_${'A'.repeat(43)}`,
      `${secret}A`,
      secret.slice(0, -1),
      secret.toUpperCase(),
      'cct_',
    ]) {
      const reply = await createClient(app.url, token).myList();
      expect([token, reply.status]).toEqual([token, 401]);
    }
  });

  // A host searches for each token among its API tokens, and caches no login.
  (inHost ? it.skip : it)(
    'costs no search among the API tokens, and once it is cached, no more than a JWT',
    async () => {
      const user = await app.createUser();
      const robot = clientOf(user, await make(user));
      const first = await statementsOf(app, () => robot.myList());
      expect(first.filter((text) => text.includes('strapi_api_tokens'))).toEqual([]);
      expect(first.filter((text) => /update .*chat_tokens/u.test(text))).toHaveLength(1);
      const later = await fewestStatementsOf(
        app,
        () => robot.myList(),
        (text) => text.includes('chat_tokens'),
      );
      expect(later).toHaveLength(database === 'postgres' ? 1 : 0);
    },
  );

  itInFull('saves its last use again only after an hour', async () => {
    const user = await app.createUser();
    const made = await make(user);
    const url = await noticing();
    const row = () => app.db('chat_tokens').where({ token_id: made.tokenId });
    const use = async () => {
      // A change of the permissions empties the cache.
      await app.admin.setBlocked((await app.createUser()).user.documentId, false);
      await clientOf(user, made, url).myList();
      return Number((await row().first()).last_used);
    };
    const recent = Date.now() - 3_000_000;
    await row().update({ last_used: recent });
    expect(await use()).toBe(recent);
    await row().update({ last_used: Date.now() - 3_700_000 });
    expect(await use()).toBeGreaterThan(recent);
  });
});

describe('every route', () => {
  let user: Client;
  let things: OwnThings;

  beforeAll(async () => {
    user = await app.createUser();
    const asked = (await ask(user)).body.data;
    const { tokenId } = await make(user);
    const ids = { ...idsOfTurn(asked), "Ada's documentId": characterId, "Ann's token_id": tokenId };
    things = { characterId, ids: { ...ids, "Ann's user documentId": user.user.documentId } };
  });

  const routes = Object.entries(routeTable)
    .filter(([, { isPublic }]) => !isPublic)
    .map(([route]) => route);
  /** GET routes that run a model, and another route that only reads. */
  const costly = / \/api\/.*\/suggested$/u;
  const listing = 'POST /api/chat/sessions';
  const ofTokens = / \/api\/chat\/tokens/u;
  /** Routes for API tokens only. */
  const isClosed = (route: string) =>
    / \/api\/(chat-conversations|chat-sessions)(\/:id)?$/u.test(route) ||
    /^(POST|PUT|DELETE) \/api\/ai-characters/u.test(route);

  function sendAll(client: Client): Promise<[route: string, reply: Reply][]> {
    return Promise.all(
      routes.map(async (route) => {
        const { method, path, options } = toRequest(route, things);
        return [route, await client.request(method, path, options)] as [string, Reply];
      }),
    );
  }

  async function allRows(): Promise<unknown> {
    const names = [
      'chat_sessions',
      'chat_conversations',
      'chat_limits',
      'chat_files',
      'up_users',
      'ai_characters',
    ];
    return Promise.all(names.map((table) => app.db(table).orderBy(table === 'chat_limits' ? 'key' : 'id')));
  }

  it('changes and asks nothing for a token that may only read, and lets it read as its user', async () => {
    const robot = clientOf(user, await make(user, ['read']));
    await robot.myList();
    // A background job copies answers to the history, which changes a column of them.
    const isCopied = async () =>
      (await app.db('chat_conversations').whereNotNull('history_due').first('id')) === undefined;
    await until(isCopied);
    const before = await allRows();
    const asked = app.dify.requests.filter(({ method }) => method !== 'GET').length;
    const found = Object.fromEntries(
      (await sendAll(robot)).map(([route, { status, body }]) => [route, [status, codeOf(body)]]),
    );
    expect(await allRows()).toEqual(before);
    expect(app.dify.requests.filter(({ method }) => method !== 'GET')).toHaveLength(asked);
    const expected: Record<string, unknown> = {};
    for (const route of routes) {
      const isReading = (route.startsWith('GET ') && !costly.test(route)) || route === listing;
      if (ofTokens.test(route) || isClosed(route)) expected[route] = [403, 'token-not-allowed'];
      else if (!isReading) expected[route] = [403, 'token-scope'];
      else {
        const { method, path, options } = toRequest(route, things);
        const { status, body } = await user.request(method, path, options);
        expect([route, status]).not.toEqual([route, 403]);
        expected[route] = [status, codeOf(body)];
      }
    }
    expect(found).toEqual(expected);
    expect(routes.length).toBeGreaterThan(50);
  });

  it('refuses a token that was revoked a moment ago', async () => {
    const made = await make(user);
    const robot = clientOf(user, made);
    expect((await robot.myList()).status).toBe(200);
    expect((await revoke(user, made)).status).toBe(200);
    const before = await allRows();
    const found = (await sendAll(robot)).map(([route, { status }]) => [route, status]);
    expect(found).toEqual(routes.map((route) => [route, 401]));
    expect(await allRows()).toEqual(before);
  });

  it('has its own shape for the refusal of a token', async () => {
    const robot = clientOf(user, await make(user, ['read']));
    const session = await robot.post('/api/chat/session', {});
    expect(session.body).toMatchObject({
      code: 403,
      data: null,
      error: { code: 'token-scope', scope: 'ask' },
    });
    const dify = await robot.post(`/api/dify/${characterId}/v1/chat-messages`, { query: 'x', inputs: {} });
    expect(dify.body).toMatchObject({ code: 'token-scope', status: 403 });
    const asked = await ask(robot);
    expect(asked.body).toMatchObject({
      data: null,
      error: {
        status: 403,
        message: 'This personal token lacks the scope "ask". Use a token that has it.',
        details: { code: 'token-scope', scope: 'ask' },
      },
    });
    const silent = clientOf(user, await make(user, ['ask']));
    expect(codeOf((await silent.myList()).body)).toBe('token-scope');
    expect((await silent.post('/api/chat/session', {})).status).toBe(200);
  });
});

describe('a personal token ends', () => {
  const newPassword = 'Another-Passw0rd';
  const panelPath = ({ user }: Login) =>
    `/content-manager/collection-types/plugin::users-permissions.user/${user.documentId}`;
  const changePassword = (login: Login, url = app.url) =>
    asClient(login, url).post('/api/auth/change-password', {
      currentPassword: password,
      password: newPassword,
      passwordConfirmation: newPassword,
    });
  const account = ({ user }: Login) => app.db('up_users').where({ id: user.id });

  async function makeAndUse(url = app.url): Promise<{ login: Login; made: Made; robot: Client }> {
    const login = await register(app.url);
    const made = await make(asClient(login));
    const robot = createClient(url, made.secret, login.user);
    expect((await robot.myList()).status).toBe(200);
    return { login, made, robot };
  }

  const endings: readonly (readonly [name: string, end: (login: Login, made: Made) => Promise<unknown>])[] = [
    ['its user revokes it', (login, made) => revoke(asClient(login), made)],
    ['its account is blocked', ({ user }) => app.admin.setBlocked(user.documentId, true)],
    ['the password changes', (login) => changePassword(login)],
    ['its account is deleted', (login) => app.admin.client.request('DELETE', panelPath(login))],
    ['its user erases all data', (login) => asClient(login).request('DELETE', '/api/chat/me')],
  ];
  it.each(endings)('at its next request when %s, and its row is deleted', async (_name, end) => {
    const { login, made, robot } = await makeAndUse();
    const stranger = await makeAndUse();
    await end(login, made);
    expect((await robot.myList()).status).toBe(401);
    expect((await stranger.robot.myList()).status).toBe(200);
    expect(await app.db('chat_tokens').where({ token_id: made.tokenId })).toEqual([]);
  });

  it.each<[name: string, change: (login: Login, made: Made) => PromiseLike<unknown>]>([
    [
      'its row is deleted',
      (_login, { tokenId }) => app.db('chat_tokens').where({ token_id: tokenId }).delete(),
    ],
    [
      'it expires',
      (_login, { tokenId }) =>
        app
          .db('chat_tokens')
          .where({ token_id: tokenId })
          .update({ expires: Date.now() - 1 }),
    ],
    ['its account is blocked', (login) => account(login).update({ blocked: true })],
    [
      'its account gets another password',
      (login) => account(login).update({ password: `$2b$10$${'x'.repeat(53)}` }),
    ],
    ['another account has its user id', (login) => account(login).update({ document_id: 'another' })],
  ])('in the database when %s', async (_name, change) => {
    const { login, made, robot } = await makeAndUse(await noticing());
    await change(login, made);
    expect((await robot.myList()).status).toBe(401);
  });

  it('at the time of its expiry, although it is cached', async () => {
    const login = await register(app.url);
    const expires_at = new Date(Date.now() + 1_500).toISOString();
    const robot = createClient(app.url, (await make(asClient(login), all, { expires_at })).secret);
    expect((await robot.myList()).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, Date.parse(expires_at) - Date.now() + 5));
    expect((await robot.myList()).status).toBe(401);
  });

  it('and so do its streams and its WebSocket', async () => {
    const { login, made, robot } = await makeAndUse();
    let open = () => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    app.dify.always(async (reply) => {
      await reply.say('Half of it');
      await opened;
      await reply.end();
    });
    const { events } = await robot.stream({ character_id: characterId, query: 'Whose is it?' });
    await events.next();
    const { session_id } = await app.db('chat_sessions').where({ user_id: login.user.id }).first();
    const device = await connect(app.url, `/ws/${session_id}`, { token: made.secret });
    await revoke(asClient(login), made);
    expect((await readStream(events)).at(-1)?.data).toMatchObject({ event: 'error', code: 'login-ended' });
    expect(await device.closed).toEqual({ code: 4401, reason: 'unauthorized' });
    open();
  });

  it('even if it is made while the password changes or the account is blocked', async () => {
    for (const end of [
      (login: Login) => changePassword(login),
      ({ user }: Login) => app.admin.setBlocked(user.documentId, true),
    ]) {
      const login = await register(app.url);
      const begun = Array.from({ length: 10 }, () =>
        asClient(login).post(tokens, { data: { name: 'Robot', scopes: all } }),
      );
      await end(login);
      for (const { status, body } of await Promise.all(begun)) {
        expect([201, 401]).toContain(status);
        if (status === 201) expect((await createClient(app.url, body.data.token).myList()).status).toBe(401);
      }
      await app.admin.setBlocked(login.user.documentId, false);
      expect(await app.db('chat_tokens').where({ user_id: login.user.id })).toEqual([]);
    }
  });

  itInFull('not with a change of the password, if the settings say so', async () => {
    const url = await app.startAnother({ AUTH_TOKENS_END_WITH_PASSWORD: 'false' });
    const login = await register(app.url);
    const made = await make(asClient(login));
    const robot = createClient(url, made.secret, login.user);
    expect((await changePassword(login, url)).status).toBe(200);
    expect((await robot.myList()).status).toBe(200);
    const again = await logInAgain(app.url, login, newPassword);
    expect((await asClient(again).get(tokens)).body.data).toHaveLength(1);
    await apiToken.request('PUT', `/api/users/${login.user.id}`, { body: { blocked: true } });
    expect(await app.db('chat_tokens').where({ token_id: made.tokenId })).toEqual([]);
  });
});
