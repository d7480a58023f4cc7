import { holdsWithin } from '../support/until';
import { startApp, type App } from '../support/app';
import { createClient } from '../support/client';
import { database } from '../support/database';
import { good, logInAgain, refresh, refused, register, worthOf, type Login } from '../support/login';

let app: App;
/** A process that forgives the second use of a refresh token for a while. */
let lenient: string;

beforeAll(async () => {
  app = await startApp();
  lenient = await app.startAnother({ AUTH_REFRESH_AGAIN_SECONDS: '300' });
});
afterAll(() => app.stop());

/** Renews the tokens of a login. */
async function renew(login: Login, url = app.url): Promise<Login> {
  const { status, body } = await refresh(url, login.refreshToken);
  expect(status).toBe(200);
  return { ...login, ...body };
}

/** Locks the row of an account. @returns lets it go, once both processes wait for it. */
async function holdAccount({ user }: Login): Promise<() => Promise<void>> {
  const held = await app.db.transaction();
  await held('up_users').where({ id: user.id }).forUpdate().first('id');
  return async () => {
    const waiting =
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    const isWaitedFor = async () => (await held.raw(waiting)).rows.length === 2;
    expect(await holdsWithin(20_000, isWaitedFor)).toBe(true);
    // What came to the first process beside its own wait is read by then, too.
    for (let count = 0; count < 3; count += 1) await app.anonymous.get('/api/chat/ready');
    await held.commit();
  };
}

const accessOf = async ({ jwt }: Login) => (await createClient(app.url, jwt).myList()).status;

describe('a refresh token', () => {
  it('is good once, and the access token of before stays good', async () => {
    const first = await register(app.url);
    const second = await renew(first);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect([await accessOf(first), await accessOf(second)]).toEqual(good);
  });

  it('that is used again ends its login: all tokens that came of it, and no other login', async () => {
    const first = await register(app.url);
    const other = await logInAgain(app.url, first);
    const second = await renew(first);
    const third = await renew(second);
    expect((await refresh(app.url, first.refreshToken)).status).toBe(401);
    for (const login of [first, second, third]) expect(await worthOf(app.url, login)).toEqual(refused);
    expect(await worthOf(app.url, other)).toEqual(good);
    expect(app.output()).toContain('A refresh token was used again');
  });

  it('is used again within the seconds of the setting: it gives the same one, while that is unused', async () => {
    const first = await register(app.url);
    const second = await renew(first);
    for (let again = 0; again < 3; again += 1) {
      const { status, body } = await refresh(lenient, first.refreshToken);
      expect([status, body.refreshToken]).toEqual([200, second.refreshToken]);
      expect(await accessOf({ ...first, ...body })).toBe(200);
    }
    const third = await renew(second, lenient);
    // Somebody has gone on with the new one: the old one is now known to two.
    expect((await refresh(lenient, first.refreshToken)).status).toBe(401);
    expect(await worthOf(app.url, third)).toEqual(refused);
  });

  it('gives one new token to requests that come at once, also to two processes', async () => {
    const first = await register(app.url);
    const urls = [app.url, lenient, app.url, app.url];
    // On PostgreSQL all of them are there before the first is done.
    const release = database === 'postgres' ? await holdAccount(first) : () => Promise.resolve();
    const asked = Promise.all(urls.map((url) => refresh(url, first.refreshToken)));
    await release();
    const replies = await asked;
    const given = replies.flatMap(({ body }) => body?.refreshToken ?? []);
    expect(new Set(given).size).toBe(1);
    if (database === 'postgres') {
      expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
      expect(await worthOf(app.url, { ...first, ...replies[0]?.body })).toEqual(good);
    }
    const alive = await app
      .db('strapi_sessions')
      .where({ user_id: String(first.user.id), status: 'active', origin: 'users-permissions' });
    expect(alive.length).toBeLessThanOrEqual(1);
  });

  it('ends with a logout that comes at the same moment', async () => {
    for (let round = 0; round < 10; round += 1) {
      const first = await register(app.url);
      const [renewed] = await Promise.all([
        refresh(app.url, first.refreshToken),
        createClient(app.url, first.jwt).post('/api/auth/logout', {}),
      ]);
      if (renewed.status === 200) expect(await worthOf(app.url, renewed.body)).toEqual(refused);
      expect(await worthOf(app.url, first)).toEqual(refused);
    }
  });

  it('that was used ends nothing when its signature is wrong', async () => {
    const first = await register(app.url);
    const second = await renew(first);
    const [head, payload] = first.refreshToken.split('.');
    expect((await refresh(app.url, `${head}.${payload}.forged`)).status).toBe(401);
    expect(await worthOf(app.url, second)).toEqual(good);
  });
});

describe('the tokens of before this version', () => {
  it('are tied to their accounts at its first start, and never again', async () => {
    const first = await register(app.url);
    const second = await renew(first);
    const gone = await register(app.url);
    await app.signal('SIGTERM');
    await app.db.schema.dropTable('chat_logins');
    // Its number went to an account of later.
    await app
      .db('up_users')
      .where({ id: gone.user.id })
      .update({ document_id: 'later', created_at: new Date(Date.now() + 60_000) });
    await app.restart();
    expect([await accessOf(first), await accessOf(second), await accessOf(gone)]).toEqual([200, 200, 401]);
    const third = await renew(second);
    expect((await refresh(app.url, first.refreshToken)).status).toBe(401);
    expect(await worthOf(app.url, third)).toEqual(refused);

    const untied = await register(app.url);
    await app.db('chat_logins').where({ user_id: untied.user.id }).delete();
    await app.signal('SIGTERM');
    await app.restart();
    expect(await worthOf(app.url, untied)).toEqual(refused);
  });
});
