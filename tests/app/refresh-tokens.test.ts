import { holdsWithin } from '../support/until';
import { startApp, type App } from '../support/app';
import { createClient } from '../support/client';
import { database } from '../support/database';
import { good, logInAgain, refresh, refused, register, worthOf, type Login } from '../support/login';

let app: App;
/** A process that accepts another use of a refresh token for 300 seconds. */
let lenient: string;

beforeAll(async () => {
  app = await startApp();
  lenient = await app.startAnother({ AUTH_REFRESH_AGAIN_SECONDS: '300' });
});
afterAll(() => app.stop());

/** The errors in the log. A request that fails by one of them says little. */
const errorLines = () =>
  app
    .output()
    .split('\n')
    .filter((line) => line.includes('error'));

/** Renews the tokens of a login. */
async function renew(login: Login, url = app.url): Promise<Login> {
  const { status, body } = await refresh(url, login.refreshToken);
  expect(status).toBe(200);
  return { ...login, ...body };
}

/** Locks the row of an account. @returns a function that unlocks it when both processes wait for it. */
async function holdAccount({ user }: Login): Promise<() => Promise<void>> {
  const held = await app.db.transaction();
  await held('up_users').where({ id: user.id }).forUpdate().first('id');
  return async () => {
    const waiting =
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    const isWaitedFor = async () => (await held.raw(waiting)).rows.length === 2;
    expect(await holdsWithin(20_000, isWaitedFor)).toBe(true);
    // After these requests, the first process has also read its other refresh requests.
    for (let count = 0; count < 3; count += 1) await app.anonymous.get('/api/chat/ready');
    await held.commit();
  };
}

const accessOf = async ({ jwt }: Login) => (await createClient(app.url, jwt).myList()).status;

describe('a refresh token', () => {
  it('works once, and the previous access token stays valid', async () => {
    const first = await register(app.url);
    const second = await renew(first);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect([await accessOf(first), await accessOf(second)]).toEqual(good);
  });

  it('that is used again ends its login with all its tokens, and no other login', async () => {
    const first = await register(app.url);
    const other = await logInAgain(app.url, first);
    const second = await renew(first);
    const third = await renew(second);
    expect((await refresh(app.url, first.refreshToken)).status).toBe(401);
    for (const login of [first, second, third]) expect(await worthOf(app.url, login)).toEqual(refused);
    expect(await worthOf(app.url, other)).toEqual(good);
    expect(app.output()).toContain('A refresh token was used again');
  });

  it('that is used again within AUTH_REFRESH_AGAIN_SECONDS returns the same unused token', async () => {
    const first = await register(app.url);
    const second = await renew(first);
    for (let again = 0; again < 3; again += 1) {
      const { status, body } = await refresh(lenient, first.refreshToken);
      expect([status, body.refreshToken]).toEqual([200, second.refreshToken]);
      expect(await accessOf({ ...first, ...body })).toBe(200);
    }
    const third = await renew(second, lenient);
    // A client has used the new token. If the old one comes again, two parties have it.
    expect((await refresh(lenient, first.refreshToken)).status).toBe(401);
    expect(await worthOf(app.url, third)).toEqual(refused);
  });

  it('returns one new token to parallel requests, also to two processes', async () => {
    const first = await register(app.url);
    const urls = [app.url, lenient, app.url, app.url];
    // On PostgreSQL, all requests arrive before the first one ends.
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

  it('ends with a logout at the same time', async () => {
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

  it('that is used again with a wrong signature ends no login', async () => {
    const first = await register(app.url);
    const second = await renew(first);
    const [head, payload] = first.refreshToken.split('.');
    expect((await refresh(app.url, `${head}.${payload}.forged`)).status).toBe(401);
    expect(await worthOf(app.url, second)).toEqual(good);
  });
});

describe('the tokens of an earlier version', () => {
  it('are tied to their accounts at the first start of this version only', async () => {
    const first = await register(app.url);
    const second = await renew(first);
    const gone = await register(app.url);
    await app.signal('SIGTERM');
    await app.db.schema.dropTable('chat_logins');
    // A later account has this id now.
    await app
      .db('up_users')
      .where({ id: gone.user.id })
      .update({ document_id: 'later', created_at: new Date(Date.now() + 60_000) });
    await app.restart();
    expect([await accessOf(first), await accessOf(second), await accessOf(gone)]).toEqual([200, 200, 401]);
    const third = await renew(second);
    expect((await refresh(app.url, first.refreshToken)).status).toBe(401);
    expect([await worthOf(app.url, third), errorLines()]).toEqual([refused, []]);

    const untied = await register(app.url);
    await app.db('chat_logins').where({ user_id: untied.user.id }).delete();
    await app.signal('SIGTERM');
    await app.restart();
    expect(await worthOf(app.url, untied)).toEqual(refused);
  });
});
