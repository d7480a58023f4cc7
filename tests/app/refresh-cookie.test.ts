import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import type { Reply } from '../support/client';

const asksForCookie = { 'x-strapi-refresh-cookie': 'httpOnly' };

let app: App;
let users = 0;

beforeAll(async () => {
  app = await startApp({ env: { CORS_ORIGINS: 'https://app.example' } });
});
afterAll(() => app.stop());

type Headers = Readonly<Record<string, string>>;

const post = (path: string, body: object, headers: Headers = asksForCookie) =>
  app.anonymous.request('POST', `/api/auth/${path}`, { body, headers });

const logIn = async (headers: Headers = asksForCookie) =>
  post('local', { identifier: (await app.createUser()).user.username, password }, headers);

/** Returns the cookies of a reply, as a browser sends them back. */
const cookiesOf = ({ headers }: Reply) =>
  headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');

/** Returns the parts of the cookie without its value. */
const attributesOf = ({ headers }: Reply) =>
  (headers.getSetCookie()[0] ?? '').split('; ').map((part) => part.replace(/(?<==).{20,}/u, '…'));

describe('a login with the refresh token in a cookie', () => {
  it('works over plain HTTP in production, and keeps the token out of the body', async () => {
    const reply = await logIn();
    expect([reply.status, Object.keys(reply.body).sort()]).toEqual([200, ['jwt', 'user']]);
    expect(attributesOf(reply)).toEqual(
      expect.arrayContaining(['strapi_up_refresh=…', 'path=/api/auth', 'samesite=strict', 'httponly']),
    );
    expect(attributesOf(reply)).not.toContain('secure');
  });

  it('has a secure cookie if the page came by HTTPS, even if the proxy does not say so', async () => {
    const reply = await logIn({ ...asksForCookie, Origin: `https://${new URL(app.url).host}` });
    expect([reply.status, attributesOf(reply).includes('secure')]).toEqual([200, true]);
  });

  it('is renewed by the cookie alone, and each cookie works once', async () => {
    const cookie = cookiesOf(await logIn());
    const renewed = await post('refresh', {}, { ...asksForCookie, Cookie: cookie });
    expect([renewed.status, Object.keys(renewed.body)]).toEqual([200, ['jwt']]);
    expect(cookiesOf(renewed)).not.toBe(cookie);
    expect((await post('refresh', {}, { ...asksForCookie, Cookie: cookie })).status).toBe(401);
  });

  it('also begins with a registration and with a new password', async () => {
    users += 1;
    const name = `with-cookie${users}`;
    const registered = await post('local/register', {
      username: name,
      email: `${name}@example.com`,
      password,
    });
    const next = 'Another-passw0rd';
    const changed = await post(
      'change-password',
      { currentPassword: password, password: next, passwordConfirmation: next },
      { ...asksForCookie, Authorization: `Bearer ${registered.body.jwt}` },
    );
    for (const reply of [registered, changed]) {
      expect([reply.status, Object.keys(reply.body).sort()]).toEqual([200, ['jwt', 'user']]);
    }
    const [before, after] = [cookiesOf(registered), cookiesOf(changed)];
    expect((await post('refresh', {}, { ...asksForCookie, Cookie: before })).status).toBe(401);
    expect((await post('refresh', {}, { ...asksForCookie, Cookie: after })).status).toBe(200);
  });

  it('ends with a logout, which deletes the cookie', async () => {
    const reply = await logIn();
    const cookie = cookiesOf(reply);
    const headers = { ...asksForCookie, Cookie: cookie, Authorization: `Bearer ${reply.body.jwt}` };
    const out = await post('logout', {}, headers);
    expect([out.status, attributesOf(out)]).toEqual([
      200,
      expect.arrayContaining(['strapi_up_refresh=', 'path=/api/auth', 'expires=…']),
    ]);
    expect((await post('refresh', {}, { ...asksForCookie, Cookie: cookie })).status).toBe(401);
  });
});

describe('a request of another site', () => {
  const ownOrigin = () => new URL(app.url).origin;

  it.each([
    ['a form, which cannot send the header', {}, 400],
    ['a script of another site', { ...asksForCookie, 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['a script of another host of the site', { ...asksForCookie, 'Sec-Fetch-Site': 'same-site' }, 403],
    [
      'another origin, in a browser without Sec-Fetch-Site',
      { ...asksForCookie, Origin: 'https://evil.example' },
      403,
    ],
    ['a page without an origin', { ...asksForCookie, Origin: 'null' }, 403],
  ])('cannot renew the login by its cookie: %s', async (_who, headers, status) => {
    const cookie = cookiesOf(await logIn());
    const refused = await post('refresh', {}, { ...headers, Cookie: cookie } as Headers);
    expect([refused.status, refused.headers.getSetCookie()]).toEqual([status, []]);
    // The cookie was not used.
    expect((await post('refresh', {}, { ...asksForCookie, Cookie: cookie })).status).toBe(200);
  });

  it('cannot log the browser in as somebody else', async () => {
    const refused = await logIn({ ...asksForCookie, 'Sec-Fetch-Site': 'cross-site' });
    expect([refused.status, refused.headers.getSetCookie()]).toEqual([403, []]);
  });

  it('may use the cookie if CORS_ORIGINS names its origin, or if it is a page of the server', async () => {
    const named = { ...asksForCookie, Origin: 'https://app.example', 'Sec-Fetch-Site': 'same-site' };
    const own = { ...asksForCookie, Origin: ownOrigin(), 'Sec-Fetch-Site': 'same-origin' };
    const ownOverHttp = { ...asksForCookie, Origin: ownOrigin() };
    for (const headers of [named, own, ownOverHttp]) {
      const cookie = cookiesOf(await logIn());
      expect((await post('refresh', {}, { ...headers, Cookie: cookie })).status).toBe(200);
    }
  });
});

it('a client with the refresh token in the body is not disturbed by a cookie', async () => {
  const cookie = cookiesOf(await logIn());
  const { body } = await logIn({});
  const renewed = await post('refresh', { refreshToken: body.refreshToken }, { Cookie: cookie });
  expect([renewed.status, Object.keys(renewed.body).sort()]).toEqual([200, ['jwt', 'refreshToken']]);
});
