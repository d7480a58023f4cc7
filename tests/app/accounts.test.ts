import { sign } from 'jsonwebtoken';

import { scale } from '../faults/support/scale';
import { startApp, type App } from '../support/app';
import { password } from '../support/admin';
import { createClient, type Client, type Reply } from '../support/client';
import { database } from '../support/database';

let app: App;
/** The URL for the second of two racing requests. On PostgreSQL, it is that of another process. */
let otherUrl: string;
let tokenClient: Client;

beforeAll(async () => {
  app = await startApp();
  otherUrl = database === 'postgres' ? await app.startAnother() : app.url;
  const token = await app.admin.client.post('/admin/api-tokens', {
    name: 'accounts',
    type: 'full-access',
    lifespan: null,
  });
  tokenClient = createClient(app.url, token.body.data.accessKey);
});
afterAll(() => app.stop());

const users = '/content-manager/collection-types/plugin::users-permissions.user';
const taken = 'Email or Username are already taken';

interface Account {
  readonly username: string;
  readonly email: string;
}

const register = (account: Account, url = app.url): Promise<Reply> =>
  createClient(url).post('/api/auth/local/register', { ...account, password });

const login = (identifier: string): Promise<Reply> =>
  app.anonymous.post('/api/auth/local', { identifier, password });

async function roleId(): Promise<number> {
  return (await app.db('up_roles').where({ type: 'authenticated' }).first('id')).id;
}

/** Creates an account with the request that the form of the admin panel sends. */
async function createInPanel(account: Account): Promise<Reply> {
  const role = { connect: [{ id: await roleId() }] };
  return app.admin.client.post(users, { ...account, password, confirmed: true, blocked: false, role });
}

const createByToken = async (account: Account): Promise<Reply> =>
  tokenClient.post('/api/users', { ...account, password, role: await roleId() });

const messageOf = ({ status, body }: Reply): readonly [number, unknown] => [status, body?.error?.message];

async function countLike(part: string): Promise<number> {
  const rows = await app.db('up_users').select('username', 'email');
  return rows.filter(({ username, email }) =>
    [username, email].some((text) => String(text).normalize('NFKC').toLowerCase().includes(part)),
  ).length;
}

describe('concurrent registrations', () => {
  const spellings: readonly (readonly [
    what: string,
    one: (n: number) => Account,
    other: (n: number) => Account,
  ])[] = [
    [
      'with the same email',
      (n) => ({ username: `mail-a${n}x`, email: `race-mail-${n}x@example.com` }),
      (n) => ({ username: `mail-b${n}x`, email: `race-mail-${n}x@example.com` }),
    ],
    [
      'with the same username',
      (n) => ({ username: `race-name-${n}x`, email: `name-a${n}x@example.com` }),
      (n) => ({ username: `race-name-${n}x`, email: `name-b${n}x@example.com` }),
    ],
    [
      'with usernames that differ in case',
      (n) => ({ username: `Race-Case-${n}x`, email: `case-a${n}x@example.com` }),
      (n) => ({ username: `race-case-${n}X`, email: `case-b${n}x@example.com` }),
    ],
    [
      'with usernames that differ in Unicode form',
      (n) => ({ username: `race-form-é${n}x`, email: `form-a${n}x@example.com` }),
      (n) => ({ username: `race-form-e\u0301${n}x`, email: `form-b${n}x@example.com` }),
    ],
    [
      'with usernames that differ in surrounding blanks',
      (n) => ({ username: `race-blank-${n}x`, email: `blank-a${n}x@example.com` }),
      (n) => ({ username: ` race-blank-${n}x\u00a0`, email: `blank-b${n}x@example.com` }),
    ],
    [
      'with emails that differ in case',
      (n) => ({ username: `mailcase-a${n}x`, email: `Race-Mailcase-${n}x@example.com` }),
      (n) => ({ username: `mailcase-b${n}x`, email: `race-mailcase-${n}x@Example.com` }),
    ],
  ];

  const tries = scale({ full: 20, smoke: 2 });

  it.each(spellings)(
    '%s create one account and return 400 for the other in every try',
    async (_what, one, other) => {
      const outcomes: unknown[] = [];
      for (let n = 0; n < tries; n += 1) {
        const replies = await Promise.all([register(one(n)), register(other(n), otherUrl)]);
        outcomes.push(replies.map(messageOf).sort(([a], [b]) => a - b));
      }
      expect(outcomes).toEqual(
        Array.from({ length: tries }, () => [
          [200, undefined],
          [400, taken],
        ]),
      );
    },
  );

  it('create one account when ten of them have the same username', async () => {
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        register(
          { username: 'race-of-ten', email: `ten-${n}@example.com` },
          n % 2 === 0 ? app.url : otherUrl,
        ),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([
      200,
      ...Array.from({ length: 9 }, () => 400),
    ]);
    expect(await countLike('race-of-ten')).toBe(1);
  });
});

describe('a taken name', () => {
  const holder = { username: 'Zoë Holder', email: 'zoe.holder@example.com' };
  beforeAll(async () => expect((await register(holder)).status).toBe(200));

  /** Each entry spells the holder's username differently. */
  const names = [
    'zoë holder',
    'ZOË HOLDER',
    'zoe\u0308 holder',
    ' Zoë  Holder ',
    'Ｚoë Holder',
    'Zoë\u200b Holder',
  ];

  it.each(names)('is refused at registration when spelled %j', async (username) => {
    expect(messageOf(await register({ username, email: 'other.zoe@example.com' }))).toEqual([400, taken]);
  });

  it.each(names)(
    'is refused in the admin panel when spelled %j, and the error names the field',
    async (username) => {
      const reply = await createInPanel({ username, email: 'other.zoe@example.com' });
      expect(messageOf(reply)).toEqual([400, 'Username already taken']);
    },
  );

  it.each(names)('is refused for an API token when spelled %j', async (username) => {
    const reply = await createByToken({ username, email: 'other.zoe@example.com' });
    expect(messageOf(reply)).toEqual([400, 'Username already taken']);
  });

  it('is refused as an email in another case by registration, panel and API token', async () => {
    const account = { username: 'zoe-by-mail', email: 'Zoe.Holder@Example.com' };
    expect(messageOf(await register(account))).toEqual([400, taken]);
    expect(messageOf(await createInPanel(account))).toEqual([400, 'Email already taken']);
    expect(messageOf(await createByToken(account))).toEqual([400, 'Email already taken']);
  });

  it('is refused when an existing account changes to it, in the admin panel and for an API token', async () => {
    const { body } = await register({ username: 'zoe-renamed', email: 'zoe-renamed@example.com' });
    const { id, documentId } = body.user;
    const inPanel = (change: object) =>
      app.admin.client.request('PUT', `${users}/${documentId}`, { body: change });
    const byToken = (change: object) => tokenClient.request('PUT', `/api/users/${id}`, { body: change });
    for (const change of [inPanel, byToken]) {
      expect(messageOf(await change({ username: 'ZOË HOLDER' }))).toEqual([400, 'Username already taken']);
      expect(messageOf(await change({ email: 'ZOE.holder@example.com' }))).toEqual([
        400,
        'Email already taken',
      ]);
      expect((await change({ username: 'Zoe Renamed', email: 'zoe-renamed@example.com' })).status).toBe(200);
      expect((await change({ username: 'zoe-renamed' })).status).toBe(200);
    }
  });

  it('becomes free when its account is renamed or deleted', async () => {
    const first = await register({ username: 'zoe-leaving', email: 'zoe-leaving@example.com' });
    const path = `${users}/${first.body.user.documentId}`;
    const renamed = { username: 'zoe-left', email: 'zoe-left@example.com' };
    expect((await app.admin.client.request('PUT', path, { body: renamed })).status).toBe(200);
    expect((await register({ username: 'zoe-leaving', email: 'zoe-leaving@example.com' })).status).toBe(200);
    expect((await app.admin.client.request('DELETE', path)).status).toBe(200);
    expect((await register({ username: 'Zoe-left', email: 'Zoe-left@example.com' })).status).toBe(200);
  });

  it('finds the same account at login in every spelling', async () => {
    for (const identifier of [...names, 'ZOE.HOLDER@example.com', ' zoe.holder@example.com']) {
      const { status, body } = await login(identifier);
      expect([identifier, status, body.user?.username]).toEqual([identifier, 200, holder.username]);
    }
  });
});

describe('concurrent saves', () => {
  it('in the admin panel create one account per username, and the errors name the field', async () => {
    const replies = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        createInPanel({
          username: n % 2 === 0 ? 'panel-race' : 'Panel-Race',
          email: `panel-${n}@example.com`,
        }),
      ),
    );
    const outcomes = replies.map(messageOf).sort(([a], [b]) => a - b);
    expect(outcomes).toEqual([
      [201, undefined],
      ...Array.from({ length: 4 }, () => [400, 'Username already taken']),
    ]);
  });

  it('by an API token create one account per email, and the errors name the field', async () => {
    const replies = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        createByToken({
          username: `token-race-${n}`,
          email: n % 2 === 0 ? 'token-race@example.com' : 'Token-Race@example.com',
        }),
      ),
    );
    const outcomes = replies.map(messageOf).sort(([a], [b]) => a - b);
    expect(outcomes).toEqual([
      [201, undefined],
      ...Array.from({ length: 4 }, () => [400, 'Email already taken']),
    ]);
  });

  it('that rename four accounts to one username rename only one of them', async () => {
    const accounts = await Promise.all(
      Array.from({ length: 4 }, (_, n) =>
        register({ username: `rename-${n}`, email: `rename-${n}@example.com` }),
      ),
    );
    const replies = await Promise.all(
      accounts.map(({ body }, n) =>
        tokenClient.request('PUT', `/api/users/${body.user.id}`, {
          body: { username: n % 2 === 0 ? 'renamed-race' : 'Renamed-Race' },
        }),
      ),
    );
    const outcomes = replies.map(messageOf).sort(([a], [b]) => a - b);
    expect(outcomes).toEqual([
      [200, undefined],
      ...Array.from({ length: 3 }, () => [400, 'Username already taken']),
    ]);
  });
});

describe('a username that is an email address', () => {
  const foreign = 'Username must not be an email address other than that of the account';

  it.each(['victim@example.com', 'Victim@Example.com', 'victim＠example.com'])(
    'is refused as %j unless it is the email of the account',
    async (username) => {
      const account = { username, email: 'intruder@example.com' };
      expect(messageOf(await register(account))).toEqual([400, foreign]);
      expect(messageOf(await createInPanel(account))).toEqual([400, foreign]);
      expect(messageOf(await createByToken(account))).toEqual([400, foreign]);
    },
  );

  it('does not lock out the owner of that address', async () => {
    expect((await register({ username: 'victim', email: 'victim@example.com' })).status).toBe(200);
    expect((await login('victim@example.com')).status).toBe(200);
  });

  it('may be the email of the account, and must change together with it', async () => {
    const own = { username: 'Own@example.com', email: 'own@example.com' };
    const { status, body } = await register(own);
    expect(status).toBe(200);
    const change = (data: object) => tokenClient.request('PUT', `/api/users/${body.user.id}`, { body: data });
    expect(messageOf(await change({ email: 'moved@example.com' }))).toEqual([400, foreign]);
    expect((await change({ email: 'moved@example.com', username: 'moved@example.com' })).status).toBe(200);
    expect((await login('moved@example.com')).status).toBe(200);
  });
});

it('hides the columns that keep names unique, and ignores or refuses them in requests', async () => {
  const account = { username: 'no-columns', email: 'no-columns@example.com' };
  const claims = { usernameKey: 'other', uniqueUsername: null, uniqueEmail: null, uniqueProviderEmail: null };
  const replies = [
    await createByToken({ ...account, ...claims } as Account),
    await tokenClient.get('/api/users?filters[username]=no-columns'),
    await app.admin.client.get(users),
  ];
  for (const { text } of replies)
    expect(text).not.toMatch(/usernameKey|emailKey|unique(Username|Email|Provider)/u);
  expect(messageOf(await register({ ...account, username: 'No-Columns' }))).toEqual([400, taken]);
  const filtered = await tokenClient.get('/api/users?filters[usernameKey]=no-columns');
  expect(filtered.status).toBe(400);
});

describe('an account request with an Authorization header', () => {
  const expired = () =>
    sign({ userId: '1', sessionId: 'x', type: 'access', iat: 1, exp: 2 }, 'secret of another time');
  it('logs in, registers, refreshes and asks for a new password, whatever the token is', async () => {
    const first = (await register({ username: 'header', email: 'header@example.com' })).body;
    const tokens = {
      valid: first.jwt,
      expired: expired(),
      nonsense: 'a.b.c',
      none: 'null',
      unknown: 'undefined',
    };
    let { refreshToken } = first;
    for (const [what, token] of Object.entries(tokens)) {
      const client = createClient(app.url, token);
      const name = `with-${what}`;
      const replies = [
        await client.post('/api/auth/local', { identifier: 'header', password }),
        await client.post('/api/auth/local/register', {
          username: name,
          email: `${name}@example.com`,
          password,
        }),
        await client.post('/api/auth/refresh', { refreshToken }),
        await client.post('/api/auth/forgot-password/', { email: 'header@example.com' }),
      ];
      expect([what, ...replies.map(({ status }) => status)]).toEqual([what, 200, 200, 200, 200]);
      refreshToken = replies[2]?.body.refreshToken;
    }
  });
});

describe('a text that no database stores unchanged', () => {
  it.each(['a\0b', 'a\ud800b', '\udc00'])(
    'is refused with 400 in every field of an account: %j',
    async (text) => {
      const account = { username: 'stored', email: 'stored@example.com', password };
      const code = 'code';
      const bodies: [path: string, body: Readonly<Record<string, unknown>>][] = [
        ['/api/auth/local', { identifier: text, password }],
        ['/api/auth/local', { identifier: 'stored', password: text }],
        ['/api/auth/local/register', { ...account, username: text }],
        ['/api/auth/local/register', { ...account, email: `${text}@example.com` }],
        ['/api/auth/local/register', { ...account, password: `Passw0rd-${text}` }],
        ['/api/auth/forgot-password', { email: `${text}@example.com` }],
        ['/api/auth/send-email-confirmation', { email: `${text}@example.com` }],
        ['/api/auth/reset-password', { code: text, password, passwordConfirmation: password }],
        ['/api/auth/reset-password', { code, password: text, passwordConfirmation: text }],
        ['/api/auth/refresh', { refreshToken: text }],
        ['/admin/login', { email: text, password }],
        ['/admin/login', { email: 'stored@example.com', password: text }],
        ['/admin/register', { registrationToken: text, userInfo: {} }],
        ['/admin/register', { registrationToken: code, userInfo: { firstname: text } }],
        ['/admin/register-admin', { ...account, firstname: text }],
        ['/admin/forgot-password', { email: `${text}@example.com` }],
        ['/admin/reset-password', { resetPasswordToken: text, password }],
      ];
      for (const [path, body] of bodies) {
        const { status, body: reply } = await app.anonymous.post(path, body);
        expect([path, status, reply.error?.message]).toEqual([path, 400, expect.stringContaining('NUL')]);
      }
      const users = await tokenClient.post('/api/users', {
        ...account,
        username: text,
        role: await roleId(),
      });
      expect(users.status).toBe(400);
      const path = '/api/auth/email-confirmation?confirmation=';
      expect((await app.anonymous.get(`${path}%00`)).status).toBe(400);
      expect(await app.db('up_users').where({ email: account.email })).toEqual([]);
    },
  );
});

describe('the own account', () => {
  it.each(['fields=', 'fields=username,', 'fields[0]=', 'fields[0]=username&fields[1]=%20'])(
    'is not read with an empty name of a field: %s',
    async (query) => {
      const user = await app.createUser();
      const { status, body } = await user.get(`/api/users/me?${query}`);

      expect([status, body.error.message]).toEqual([
        400,
        'fields must be names of fields, separated by commas.',
      ]);
      const { username, id } = user.user;
      expect((await user.get('/api/users/me?fields=username')).body).toMatchObject({ id, username });
    },
  );
});

describe("Strapi's routes that need a login", () => {
  it.each([
    ['GET', '/api/users/me'],
    ['GET', '/api/users'],
    ['POST', '/api/auth/logout'],
    ['POST', '/api/auth/change-password'],
    ['GET', '/api/upload/files'],
    ['POST', '/api/ai-characters'],
  ])('return 401 without one: %s %s', async (method, path) => {
    const { status, body } = await app.anonymous.request(method, path);
    expect([status, body.error.status]).toEqual([401, 401]);
  });
});
