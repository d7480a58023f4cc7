import { baseEnv, startApp, type App } from '../support/app';
import { password } from '../support/admin';
import { createClient } from '../support/client';
import { copyTemplate } from '../support/database';
import { runInStrapi } from '../support/strapi-script';

const users = '/content-manager/collection-types/plugin::users-permissions.user';

const register = (app: App, username: string, secret = password) =>
  app.anonymous.post('/api/auth/local/register', {
    username,
    email: `${username}@example.com`,
    password: secret,
  });

let app: App;
beforeAll(async () => {
  app = await startApp({ env: { AUTH_ALLOW_REGISTRATION: 'true', AUTH_MIN_PASSWORD_CHARS: '10' } });
});
afterAll(() => app.stop());

const roleOf = async (app: App) => (await app.db('up_roles').where({ type: 'authenticated' }).first('id')).id;

describe('registration', () => {
  it('returns 400 with AUTH_ALLOW_REGISTRATION=false, but administrators and API tokens create accounts', async () => {
    const app = await startApp({ env: { AUTH_ALLOW_REGISTRATION: 'false' } });
    try {
      const refused = await register(app, 'ann');
      expect([refused.status, refused.body.error.message]).toEqual([
        400,
        'Register action is currently disabled',
      ]);
      const role = await roleOf(app);
      const account = {
        username: 'bob',
        email: 'bob@example.com',
        password,
        confirmed: true,
        blocked: false,
      };
      const made = await app.admin.client.post(users, { ...account, role: { connect: [{ id: role }] } });
      expect(made.status).toBe(201);
      const token = await app.admin.client.post('/admin/api-tokens', {
        name: 'accounts',
        type: 'full-access',
        lifespan: null,
      });
      const byToken = createClient(app.url, token.body.data.accessKey);
      const carl = { username: 'carl', email: 'carl@example.com', password, role };
      expect((await byToken.post('/api/users', carl)).status).toBe(201);
      expect((await app.anonymous.post('/api/auth/local', { identifier: 'bob', password })).status).toBe(200);
    } finally {
      await app.stop();
    }
  });

  it('follows the setting of the admin panel with AUTH_ALLOW_REGISTRATION=true', async () => {
    expect((await register(app, 'ann')).status).toBe(200);
    const { settings } = (await app.admin.client.get('/users-permissions/advanced')).body;
    const save = (body: object) => app.admin.client.request('PUT', '/users-permissions/advanced', { body });
    await save({ ...settings, allow_register: false });
    expect((await register(app, 'carl')).status).toBe(400);
    await save(settings);
  });
});

describe('a registration with a name that is too long for its column', () => {
  it('is refused with 400 and creates no account', async () => {
    const long = 'n'.repeat(300);
    const account = { username: 'dan', email: 'dan@example.com', password };
    for (const change of [{ username: long }, { email: `${long}@example.com` }]) {
      const { status, body } = await app.anonymous.post('/api/auth/local/register', {
        ...account,
        ...change,
      });
      expect([Object.keys(change), status, body.error?.message]).toEqual([
        Object.keys(change),
        400,
        expect.any(String),
      ]);
    }
    const accounts = await app.db('up_users').where({ username: 'dan' }).orWhereLike('email', 'dan@%');
    expect(accounts).toEqual([]);

    expect((await register(app, 'bob')).status).toBe(200);
    const { document_id } = await app.db('up_users').where({ username: 'bob' }).first();
    // The rule for names ignores the added characters, so for this rule the name is unchanged.
    const renamed = await app.admin.client.request('PUT', `${users}/${document_id}`, {
      body: { username: `bob${' '.repeat(300)}x`.replace('x', '\u200b') },
    });
    expect(renamed.status).toBe(400);
  });
});

describe('a new password', () => {
  const short = 'Passw0rd9';
  const sentence = 'Password must be at least 10 characters long';

  it('is refused at registration below AUTH_MIN_PASSWORD_CHARS characters or above 72 bytes', async () => {
    const refused = await register(app, 'short', short);
    expect([refused.status, refused.body.error.message]).toEqual([400, sentence]);
    expect((await register(app, 'emoji', '👍'.repeat(9))).status).toBe(400);
    expect((await register(app, 'long', 'a'.repeat(73))).status).toBe(400);
    expect((await register(app, 'longest', 'a'.repeat(72))).status).toBe(200);
    expect((await register(app, 'shortest', `${short}0`)).status).toBe(200);
  });

  it('is refused at a change and at a reset if it is too short', async () => {
    const user = await app.createUser();
    const change = { currentPassword: password, password: short, passwordConfirmation: short };
    const changed = await user.post('/api/auth/change-password', change);
    expect([changed.status, changed.body.error.message]).toEqual([400, sentence]);
    await app.db('up_users').where({ id: user.user.id }).update({ reset_password_token: 'code-of-the-mail' });
    const reset = { code: 'code-of-the-mail', password: short, passwordConfirmation: short };
    const answer = await app.anonymous.post('/api/auth/reset-password', reset);
    expect([answer.status, answer.body.error.message]).toEqual([400, sentence]);
  });

  it('is refused from an administrator if it is too short', async () => {
    const role = { connect: [{ id: await roleOf(app) }] };
    const account = { username: 'dora', email: 'dora@example.com', confirmed: true, blocked: false, role };
    const refused = await app.admin.client.post(users, { ...account, password: short });
    expect([refused.status, refused.body.error.message]).toEqual([
      400,
      'password must be at least 10 characters',
    ]);
  });
});

it('an account with a password below AUTH_MIN_PASSWORD_CHARS still logs in', async () => {
  expect((await register(app, 'old')).status).toBe(200);
  // The bcrypt hash of "sixsix", which the account got before the setting.
  const hash = '$2a$04$lDmwPKZLKjMsLLy9n6DUDuXGHbG5Gy14HOb9LILItJKu4sx/1597G';
  await app.db('up_users').where({ username: 'old' }).update({ password: hash });
  const credentials = { identifier: 'old', password: 'sixsix' };
  expect((await app.anonymous.post('/api/auth/local', credentials)).status).toBe(200);
});

describe('a login by a provider', () => {
  const dify = { DIFY_API_URL: 'http://127.0.0.1:1', DIFY_API_KEY: 'app-x' };

  it("creates one account for a person, with a free username that is no other person's email", async () => {
    const database = await copyTemplate();
    try {
      const outcome = await runInStrapi({ ...baseEnv, ...dify, ...database.env }, async (strapi) => {
        const service = (name: string) => strapi.plugin('users-permissions').service(name);
        // For this provider, the access token is the profile as JSON.
        const authCallback = async ({ accessToken }: { accessToken: string }) => JSON.parse(accessToken);
        service('providers-registry').add('house', { authCallback });
        service('providers-registry').add('garden', { authCallback });
        const connect = (profile: object, provider = 'house') =>
          service('providers')
            .connect(provider, { access_token: JSON.stringify(profile) })
            .then(
              ({ id, username }: { id: number; username: string }) => ({ id, username }),
              ({ message }: Error) => message,
            );
        const ann = { username: 'Ann', email: 'ann@example.com' };
        const [first, second] = await Promise.all([connect(ann), connect(ann)]);
        return {
          isOne: first.id === second.id,
          again: (await connect({ ...ann, email: 'Ann@Example.com' })).id === first.id,
          taken: (await connect({ username: 'aNN', email: 'other@example.com' })).username,
          foreign: (await connect({ username: 'victim@example.com', email: 'intruder@example.com' }))
            .username,
          own: (await connect({ username: 'dora@example.com', email: 'dora@example.com' })).username,
          nameless: (await connect({ email: 'emil@example.com' })).username,
          short: (await connect({ username: 'x', email: 'short@example.com' })).username,
          sameEmail: await connect(ann, 'garden'),
          count: await strapi.db
            .query('plugin::users-permissions.user')
            .count({ where: { email: 'ann@example.com' } }),
        };
      });
      expect(outcome).toEqual({
        isOne: true,
        again: true,
        taken: expect.stringMatching(/^aNN\d{4}$/u),
        foreign: 'intruder',
        own: 'dora@example.com',
        nameless: 'emil',
        short: expect.stringMatching(/^x\d{4}$/u),
        sameEmail: 'Email is already taken.',
        count: 1,
      });
    } finally {
      await database.drop();
    }
  });

  it('creates no account while registration is closed, but accepts existing accounts', async () => {
    const database = await copyTemplate();
    const env = { ...baseEnv, ...dify, ...database.env, AUTH_ALLOW_REGISTRATION: 'false' };
    try {
      const outcome = await runInStrapi(env, async (strapi) => {
        const service = (name: string) => strapi.plugin('users-permissions').service(name);
        const authCallback = async ({ accessToken }: { accessToken: string }) => JSON.parse(accessToken);
        service('providers-registry').add('house', { authCallback });
        const connect = (profile: object) =>
          service('providers')
            .connect('house', { access_token: JSON.stringify(profile) })
            .then(
              ({ username }: { username: string }) => username,
              ({ message }: Error) => message,
            );
        const ann = { username: 'ann', email: 'ann@example.com' };
        const refused = await connect(ann);
        await strapi.db
          .query('plugin::users-permissions.user')
          .create({ data: { ...ann, provider: 'house' } });
        return [refused, await connect(ann)];
      });
      expect(outcome).toEqual(['Register action is actually not available.', 'ann']);
    } finally {
      await database.drop();
    }
  });

  it('allows an email once for each provider, or only once while unique_email is on', async () => {
    const database = await copyTemplate();
    try {
      const outcome = await runInStrapi({ ...baseEnv, ...dify, ...database.env }, async (strapi) => {
        const store = strapi.store({ type: 'plugin', name: 'users-permissions' });
        const isUnique = async (unique_email: boolean) =>
          store.set({ key: 'advanced', value: { ...(await store.get({ key: 'advanced' })), unique_email } });
        let made = 0;
        const add = (email: string, provider: string) =>
          strapi.db
            .query('plugin::users-permissions.user')
            .create({ data: { username: `user-${(made += 1)}`, email, provider } })
            .then(
              () => 'made',
              ({ message }: Error) => message,
            );
        const race = async (...accounts: readonly (readonly [string, string])[]) =>
          (await Promise.all(accounts.map(([email, provider]) => add(email, provider)))).sort();
        await isUnique(false);
        const shared = [
          await race(
            ['ann@example.com', 'local'],
            ['Ann@example.com', 'house'],
            ['ANN@example.com', 'garden'],
          ),
          await race(
            ['ann@example.com', 'house'],
            ['bob@example.com', 'local'],
            ['BOB@example.com', 'local'],
          ),
        ];
        await isUnique(true);
        const single = [
          await race(
            ['ann@example.com', 'barn'],
            ['carl@example.com', 'local'],
            ['Carl@example.com', 'house'],
          ),
          await add('bob@example.com', 'house'),
        ];
        await isUnique(false);
        return {
          shared,
          single,
          again: [await add('carl@example.com', 'barn'), await add('carl@example.com', 'barn')],
        };
      });
      const taken = 'Email already taken';
      expect(outcome).toEqual({
        shared: [
          ['made', 'made', 'made'],
          [taken, taken, 'made'],
        ],
        single: [[taken, taken, 'made'], taken],
        again: ['made', taken],
      });
    } finally {
      await database.drop();
    }
  });
});
