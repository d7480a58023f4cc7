import { startApp, type App } from '../support/app';
import { createClient } from '../support/client';
import { good, logInAgain, refresh, refused, register, worthOf, type Login } from '../support/login';

let app: App;
/** A process that forgives no second use of a refresh token. */
let strict: string;

beforeAll(async () => {
  app = await startApp();
  strict = await app.startAnother({ AUTH_REFRESH_AGAIN_SECONDS: '0' });
});
afterAll(() => app.stop());

/** Renews the tokens of a login. */
async function renew(login: Login, url = app.url): Promise<Login> {
  const { status, body } = await refresh(url, login.refreshToken);
  expect(status).toBe(200);
  return { ...login, ...body };
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
    expect((await refresh(strict, first.refreshToken)).status).toBe(401);
    for (const login of [first, second, third]) expect(await worthOf(app.url, login)).toEqual(refused);
    expect(await worthOf(app.url, other)).toEqual(good);
    expect(app.output()).toContain('A refresh token was used again');
  });

  it('is used again by mistake: within ten seconds it gives the same one, while that is unused', async () => {
    const first = await register(app.url);
    const replies = await Promise.all(Array.from({ length: 8 }, () => refresh(app.url, first.refreshToken)));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(new Set(replies.map(({ body }) => body.refreshToken)).size).toBe(1);
    const second: Login = { ...first, ...replies[0]?.body };
    for (const { body } of replies) expect(await accessOf({ ...first, ...body })).toBe(200);
    const third = await renew(second);
    // Somebody has gone on with the new one: the old one is now known to two.
    expect((await refresh(app.url, first.refreshToken)).status).toBe(401);
    expect(await worthOf(app.url, third)).toEqual(refused);
  });

  it('gives one new token to requests of two processes at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const first = await register(app.url);
      const urls = [app.url, strict, app.url, strict];
      const replies = await Promise.all(urls.map((url) => refresh(url, first.refreshToken)));
      const given = replies.flatMap(({ body }) => body?.refreshToken ?? []);
      expect(new Set(given).size).toBe(1);
      const alive = await app
        .db('strapi_sessions')
        .where({ user_id: String(first.user.id), status: 'active', origin: 'users-permissions' });
      expect(alive.length).toBeLessThanOrEqual(1);
    }
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
    expect((await refresh(strict, `${head}.${payload}.forged`)).status).toBe(401);
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
