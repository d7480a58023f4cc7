import { openRaw } from '../faults/support/raw-client';
import { isFull } from '../faults/support/scale';
import { password } from '../support/admin';
import { startApp, type App } from '../support/app';

const max = 5;
/** More attempts than the limit. */
const attempts = 12;

const startWith = (env: Readonly<Record<string, string>>) =>
  startApp({ env: { AUTH_MAX_ATTEMPTS_PER_MINUTE: String(max), ...env } });

async function withApp(
  env: Readonly<Record<string, string>>,
  run: (app: App) => Promise<void>,
): Promise<void> {
  const app = await startWith(env);
  try {
    await run(app);
  } finally {
    await app.stop();
  }
}

/** Behind one proxy. So a test can be several clients, each with limits of its own. */
let proxied: App;

beforeAll(async () => {
  proxied = await startWith({ IS_PROXIED: 'true' });
});
afterAll(() => proxied.stop());

let clients = 0;

/** Returns the header that a proxy sends for a new client. */
function newClient(): Record<string, string> {
  clients += 1;
  return { 'X-Forwarded-For': `198.51.100.${clients}` };
}

/** Sends wrong logins. @returns how many the server checked. It returned 429 for the others. */
async function countAttempts(
  app: App,
  headersOf: (n: number) => Record<string, string>,
  pathOf: (n: number) => string = () => '/api/auth/local',
): Promise<number> {
  const statuses: number[] = [];
  for (let n = 0; n < attempts; n += 1) {
    const body = { identifier: `nobody-${n}`, password: 'Wrong-passw0rd' };
    const reply = await app.anonymous.request('POST', pathOf(n), { body, headers: headersOf(n) });
    statuses.push(reply.status);
  }
  const looked = statuses.filter((status) => status !== 429);
  expect(new Set(looked)).toEqual(new Set([400]));
  return looked.length;
}

describe('wrong logins', () => {
  it('through a proxy that appends to X-Forwarded-For are counted by the address that it appended', async () => {
    const appended = (client: string) => (n: number) => ({ 'X-Forwarded-For': `10.0.0.${n}, ${client}` });
    expect(await countAttempts(proxied, appended('203.0.113.7'))).toBe(max);
    // Another client has its own limit.
    expect(await countAttempts(proxied, appended('203.0.113.8'))).toBe(max);
  });

  it('through a proxy that adds ports are counted by the address without the port', async () => {
    const withPort = (client: string) => (n: number) => ({ 'X-Forwarded-For': `${client}:${40_000 + n}` });
    expect(await countAttempts(proxied, withPort('203.0.113.9'))).toBe(max);
    expect(await countAttempts(proxied, withPort('[2001:db8::7]'))).toBe(max);
  });

  it('through two proxies are counted by the second address from the right', async () => {
    const headers = (client: string) => (n: number) => ({
      'X-Forwarded-For': `10.0.0.${n}, 10.1.0.${n}, ${client}, 192.0.2.1`,
    });
    await withApp({ TRUSTED_PROXIES: '2' }, async (app) => {
      expect(await countAttempts(app, headers('203.0.113.7'))).toBe(max);
      expect(await countAttempts(app, headers('203.0.113.8'))).toBe(max);
    });
  });

  it.each([{ TRUSTED_PROXIES: '0', IS_PROXIED: 'true' }, ...(isFull ? [{}] : [])])(
    'without a proxy are counted by the connection and not by X-Forwarded-For: %j',
    (env) =>
      withApp(env, async (app) => {
        expect(await countAttempts(app, (n) => ({ 'X-Forwarded-For': `10.0.0.${n}` }))).toBe(max);
      }),
  );

  it('have one limit for all spellings of the path', async () => {
    const spellings = ['/api/auth/local', '/api/auth/local/', '/API/Auth/Local', '/api/AUTH/local/?a=1'];
    const client = newClient();
    const counted = await countAttempts(
      proxied,
      () => client,
      (n) => spellings[n % spellings.length] ?? '',
    );
    expect(counted).toBe(max);
  });

  it('cannot use another path, because unnormalized paths return an error', async () => {
    const user = await proxied.createUser();
    const body = { identifier: user.user.username, password };
    const paths = [
      '//api/auth/local',
      '/api//auth/local',
      '/api/./auth/local',
      '/auth/local',
      '/api/auth/%6cocal',
    ];
    for (const path of paths) {
      // fetch would normalize the path, so the test sends raw requests.
      const connection = await openRaw(proxied.url, { method: 'POST', path, body });
      await connection.over;
      expect(connection.status()).toBeGreaterThanOrEqual(400);
    }
  });
});

it('registration and mail requests have one limit per path for all email addresses', async () => {
  const headers = newClient();
  for (const path of [
    '/api/auth/local/register',
    '/api/auth/forgot-password',
    '/api/auth/send-email-confirmation',
  ]) {
    const statuses: number[] = [];
    for (let n = 0; n < attempts; n += 1) {
      const body = { username: `many-${n}`, email: `many-${n}@example.com`, password };
      statuses.push((await proxied.anonymous.request('POST', path, { body, headers })).status);
    }
    const looked = statuses.filter((status) => status !== 429);
    expect([path, looked]).toEqual([path, Array.from({ length: max }, () => 200)]);
  }
});

it('login replies have X-RateLimit headers, and logins above the limit return 429', async () => {
  const headers = newClient();
  const body = { identifier: 'nobody', password: 'Wrong-passw0rd' };
  const send = () => proxied.anonymous.request('POST', '/api/auth/local', { body, headers });
  const first = await send();
  expect(first.headers.get('x-ratelimit-limit')).toBe(String(max));
  expect(first.headers.get('x-ratelimit-remaining')).toBe(String(max - 1));
  const reset = Number(first.headers.get('x-ratelimit-reset'));
  expect(reset * 1000 - Date.now()).toBeGreaterThan(0);
  expect(reset * 1000 - Date.now()).toBeLessThan(62_000);
  for (let n = 1; n < max; n += 1) await send();
  const last = await send();
  expect([last.status, last.body.error.name]).toEqual([429, 'RateLimitError']);
  expect(last.headers.get('x-ratelimit-remaining')).toBe('0');
});

describe('the time of a login', () => {
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

  /** Sends each login in turn. @returns the median time of each in ms. Expects that the replies are the same. */
  async function timesOf(
    path: string,
    logins: Readonly<Record<string, Record<string, string>>>,
    rounds: number,
  ): Promise<Record<string, number>> {
    const times: Record<string, number[]> = {};
    const replies = new Set<string>();
    for (let round = 0; round < rounds; round += 1) {
      for (const [kind, login] of Object.entries(logins)) {
        const start = performance.now();
        const body = { ...login, password: 'Wrong-passw0rd' };
        const { status, text } = await proxied.anonymous.request('POST', path, {
          body,
          headers: newClient(),
        });
        (times[kind] ??= []).push(performance.now() - start);
        replies.add(`${status} ${text}`);
      }
    }
    expect([...replies]).toHaveLength(1);
    return Object.fromEntries(Object.entries(times).map(([kind, values]) => [kind, median(values)]));
  }

  /** The password comparison takes some twenty times as long as the rest of a login. */
  function expectSame(times: Readonly<Record<string, number>>): void {
    const reference = times['known'] ?? 0;
    for (const [kind, ms] of Object.entries(times)) {
      expect([kind, ms > reference / 2, ms < reference * 2]).toEqual([kind, true, true]);
    }
  }

  it('is the same for an unknown name, a wrong password, a blocked account and one without a password', async () => {
    const [known, blocked, byProvider] = [
      await proxied.createUser(),
      await proxied.createUser(),
      await proxied.createUser(),
    ];
    await proxied.admin.setBlocked(blocked.user.documentId, true);
    await proxied.db('up_users').where({ id: byProvider.user.id }).update({ password: null });
    const logins = {
      known: { identifier: known.user.username },
      unknown: { identifier: 'nobody' },
      'unknown address': { identifier: 'nobody@example.com' },
      blocked: { identifier: blocked.user.email },
      'without a password': { identifier: byProvider.user.username },
    };
    expectSame(await timesOf('/api/auth/local', logins, 12));
    const body = { identifier: blocked.user.username, password };
    const right = await proxied.anonymous.request('POST', '/api/auth/local', { body, headers: newClient() });
    expect(right.body.error.message).toBe('Your account has been blocked by an administrator');
  });

  it('of an administrator is the same for an unknown address and a wrong password', async () => {
    const logins = { known: { email: 'admin@example.com' }, unknown: { email: 'nobody@example.com' } };
    expectSame(await timesOf('/admin/login', logins, 4));
  });
});
