import { randomUUID } from 'node:crypto';

import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { createClient, type Client, type Reply } from '../support/client';
import { database } from '../support/database';
import {
  good,
  logInAgain,
  refresh,
  refused,
  register,
  sessionIdOf,
  worthOf,
  type Login,
} from '../support/login';
import { fewestStatementsOf, writingStatements } from '../support/statements';

let app: App;
/** A client with a full-access API token. */
let apiToken: Client;

beforeAll(async () => {
  // A cached login would stay valid for an hour.
  app = await startApp({ env: { ...writingStatements, AUTH_REMEMBER_SECONDS: '3600' } });
  const token = { name: 'all', description: '', type: 'full-access', lifespan: null };
  const { body } = await app.admin.client.post('/admin/api-tokens', token);
  apiToken = createClient(app.url, body.data.accessKey);
});
afterAll(() => app.stop());

/** The origin of user sessions. The sessions of administrators are in the same table. */
const origin = 'users-permissions';
const newPassword = 'Another-Passw0rd';
const bulkDelete = '/content-manager/collection-types/plugin::users-permissions.user/actions/bulkDelete';
const panelPath = ({ user }: Login) =>
  `/content-manager/collection-types/plugin::users-permissions.user/${user.documentId}`;

/** Registers an account and sends a request, so that the process caches its first login. */
async function registerAndAsk(url = app.url): Promise<Login> {
  const login = await register(url);
  expect(await accessOf(login, url)).toBe(200);
  return login;
}

/** Returns the status of a request with the access token of a login. */
async function accessOf({ jwt }: Login, url = app.url): Promise<number> {
  return (await createClient(url, jwt).myList()).status;
}

async function expectOk(pending: Promise<Reply>): Promise<Reply> {
  const reply = await pending;
  if (reply.status >= 300) throw new Error(`${reply.status}: ${reply.text}`);
  return reply;
}

const changePassword = ({ jwt }: Login): Promise<Reply> =>
  createClient(app.url, jwt).post('/api/auth/change-password', {
    currentPassword: password,
    password: newPassword,
    passwordConfirmation: newPassword,
  });

describe('every login of an account', () => {
  const edit = ({ user }: Login, body: object) =>
    expectOk(apiToken.request('PUT', `/api/users/${user.id}`, { body }));
  const endings: readonly (readonly [name: string, end: (login: Login) => Promise<unknown>])[] = [
    ['an administrator blocks the account', ({ user }) => app.admin.setBlocked(user.documentId, true)],
    ['PUT /api/users/:id blocks the account', (login) => edit(login, { blocked: true })],
    [
      'an administrator sets the password',
      (login) =>
        expectOk(app.admin.client.request('PUT', panelPath(login), { body: { password: newPassword } })),
    ],
    ['PUT /api/users/:id sets the password', (login) => edit(login, { password: newPassword })],
    ['its user changes the password', (login) => expectOk(changePassword(login))],
    [
      'its user resets the password',
      async ({ user }) => {
        const code = randomUUID();
        await app.db('up_users').where({ id: user.id }).update({ reset_password_token: code });
        const passwords = { password: newPassword, passwordConfirmation: newPassword };
        return expectOk(app.anonymous.post('/api/auth/reset-password', { code, ...passwords }));
      },
    ],
    [
      'an administrator deletes the account',
      (login) => expectOk(app.admin.client.request('DELETE', panelPath(login))),
    ],
    [
      'an administrator deletes several accounts',
      ({ user }) => expectOk(app.admin.client.post(bulkDelete, { documentIds: [user.documentId] })),
    ],
    [
      'DELETE /api/users/:id deletes the account',
      ({ user }) => expectOk(apiToken.request('DELETE', `/api/users/${user.id}`)),
    ],
    [
      'its user ends all sessions',
      ({ jwt }) => expectOk(createClient(app.url, jwt).post('/api/auth/logout', { scope: 'all' })),
    ],
  ];
  it.each(endings)('ends at its next request when %s', async (_name, end) => {
    const first = await registerAndAsk();
    const second = await logInAgain(app.url, first);
    const stranger = await registerAndAsk();
    expect(await accessOf(second)).toBe(200);
    await end(first);
    expect(await worthOf(app.url, first)).toEqual(refused);
    expect(await worthOf(app.url, second)).toEqual(refused);
    expect(await worthOf(app.url, stranger)).toEqual(good);
    const left = await app
      .db('strapi_sessions')
      .where({ user_id: String(first.user.id), status: 'active', origin });
    expect(left.length).toBeLessThanOrEqual(1);
  });

  it('stays valid when other fields of the account change', async () => {
    const login = await registerAndAsk();
    await edit(login, { username: randomUUID(), blocked: false });
    await app.admin.setBlocked(login.user.documentId, false);
    expect(await worthOf(app.url, login)).toEqual(good);
  });

  it('ends, but a login after a password change or an unblocking is valid', async () => {
    const login = await registerAndAsk();
    const { body } = await changePassword(login);
    expect(await worthOf(app.url, body)).toEqual(good);
    await app.admin.setBlocked(login.user.documentId, true);
    await app.admin.setBlocked(login.user.documentId, false);
    expect(await worthOf(app.url, body)).toEqual(refused);
    expect(await worthOf(app.url, await logInAgain(app.url, login, newPassword))).toEqual(good);
  });
});

describe('a login with the old password', () => {
  it('is refused after a password change, even if both requests run at the same time', async () => {
    const login = await register(app.url);
    // Each login needs some time to compare the password.
    const begun = Array.from({ length: 12 }, () => logInAgain(app.url, login));
    const { body } = await changePassword(login);
    for (const one of await Promise.all(begun)) {
      if ('jwt' in one) expect(await worthOf(app.url, one)).toEqual(refused);
    }
    expect(await worthOf(app.url, body)).toEqual(good);
  });
});

describe('a single login', () => {
  const endings: readonly (readonly [name: string, end: (login: Login) => Promise<unknown>])[] = [
    ['its user logs out', ({ jwt }) => expectOk(createClient(app.url, jwt).post('/api/auth/logout', {}))],
    [
      'its user logs out with its refresh token from another login',
      async ({ user, refreshToken }) => {
        const other = await logInAgain(app.url, { user } as Login);
        return expectOk(createClient(app.url, other.jwt).post('/api/auth/logout', { refreshToken }));
      },
    ],
    [
      'another device of its user ends it',
      async ({ user, jwt }) => {
        const other = await logInAgain(app.url, { user } as Login);
        const path = `/api/auth/sessions/${sessionIdOf(jwt)}`;
        return expectOk(createClient(app.url, other.jwt).request('DELETE', path));
      },
    ],
  ];
  it.each(endings)('ends at its next request when %s', async (_name, end) => {
    const login = await registerAndAsk();
    const other = await logInAgain(app.url, login);
    await end(login);
    expect(await worthOf(app.url, login)).toEqual(refused);
    expect(await worthOf(app.url, other)).toEqual(good);
  });

  it('ends with all its refreshed tokens when its user logs out with the first or the last of them', async () => {
    for (const which of ['first', 'last'] as const) {
      const first = await registerAndAsk();
      const last: Login = { ...first, ...(await refresh(app.url, first.refreshToken)).body };
      expect([await accessOf(first), await accessOf(last)]).toEqual(good);
      const { jwt } = which === 'first' ? first : last;
      await expectOk(createClient(app.url, jwt).post('/api/auth/logout', {}));
      expect([await accessOf(first), await accessOf(last)]).toEqual(refused);
      expect((await refresh(app.url, last.refreshToken)).status).toBe(401);
    }
  });
});

it('GET /api/auth/sessions lists no session of a former account with the same id', async () => {
  const former = await registerAndAsk();
  const { user, jwt } = await registerAndAsk();
  await app
    .db('strapi_sessions')
    .where({ user_id: String(former.user.id) })
    .update({ user_id: String(user.id) });
  const { body } = await createClient(app.url, jwt).get('/api/auth/sessions');
  expect(body.data.map(({ id }: { id: string }) => id)).toEqual([sessionIdOf(jwt)]);
  expect(await worthOf(app.url, former)).toEqual(refused);
});

describe('a login that is ended in the database', () => {
  let url: string;
  beforeAll(async () => {
    // SQLite supports one process. A change by another one counts when the cache entry of the login expires.
    url = database === 'postgres' ? app.url : await app.startAnother({ AUTH_REMEMBER_SECONDS: '0' });
    if (database === 'sqlite') await app.db.raw('pragma foreign_keys = on');
  });

  const account = ({ user }: Login) => app.db('up_users').where({ id: user.id });
  /** Deletes the account and inserts one with the same id. */
  const replace = async (login: Login, changes: object) => {
    const row = await account(login).first();
    const role = await app.db('up_users_role_lnk').where({ user_id: row.id }).first('role_id');
    await account(login).delete();
    await app.db('up_users').insert({ ...row, ...changes });
    await app.db('up_users_role_lnk').insert({ user_id: row.id, role_id: role.role_id });
  };
  const changes: readonly (readonly [name: string, change: (login: Login) => PromiseLike<unknown>])[] = [
    ['the account is blocked', (login) => account(login).update({ blocked: true })],
    ['the password changes', (login) => account(login).update({ password: `$2b$10$${'x'.repeat(53)}` })],
    ['the account is deleted', (login) => account(login).delete()],
    [
      'its user id belongs to another account',
      (login) => account(login).update({ document_id: randomUUID() }),
    ],
    ['a later account has its user id', (login) => replace(login, { document_id: randomUUID() })],
    ['the same account is inserted again, as by an import', (login) => replace(login, {})],
    [
      'the session is deleted',
      ({ jwt }) =>
        app
          .db('strapi_sessions')
          .where({ session_id: sessionIdOf(jwt) })
          .delete(),
    ],
    [
      'the session belongs to another user',
      ({ jwt }) =>
        app
          .db('strapi_sessions')
          .where({ session_id: sessionIdOf(jwt) })
          .update({ user_id: '1' }),
    ],
  ];
  it.each(changes)('ends at its next request when %s', async (_name, change) => {
    const login = await registerAndAsk(url);
    await change(login);
    expect(await worthOf(url, login)).toEqual(refused);
  });
});

describe('a cached login', () => {
  const ofLogins = (statement: string) => statement.includes('chat_logins');

  it(`costs ${database === 'postgres' ? 'one statement' : 'no statement'} to check if it has ended`, async () => {
    const { jwt } = await registerAndAsk();
    const client = createClient(app.url, jwt);
    const statements = await fewestStatementsOf(app, () => client.myList(), ofLogins);
    expect(statements).toHaveLength(database === 'postgres' ? 1 : 0);
  });
});
