import { openRaw } from '../faults/support/raw-client';
import { password } from '../support/admin';
import { startApp, type App } from '../support/app';

const max = 10;

function withApp(env: Readonly<Record<string, string>>, run: (app: App) => Promise<void>) {
  return async () => {
    const app = await startApp({ env: { AUTH_MAX_ATTEMPTS_PER_MINUTE: String(max), ...env } });
    try {
      await run(app);
    } finally {
      await app.stop();
    }
  };
}

/** Sends 25 wrong logins. @returns how many the server checked. It returned 429 for the others. */
async function countAttempts(
  app: App,
  headersOf: (n: number) => Record<string, string>,
  pathOf: (n: number) => string = () => '/api/auth/local',
): Promise<number> {
  const statuses: number[] = [];
  for (let n = 0; n < 25; n += 1) {
    const body = { identifier: `nobody-${n}`, password: 'Wrong-passw0rd' };
    const reply = await app.anonymous.request('POST', pathOf(n), { body, headers: headersOf(n) });
    statuses.push(reply.status);
  }
  const looked = statuses.filter((status) => status !== 429);
  expect(new Set(looked)).toEqual(new Set([400]));
  return looked.length;
}

describe('wrong logins', () => {
  it(
    'through a proxy that appends to X-Forwarded-For are counted by the address that it appended',
    withApp({ IS_PROXIED: 'true' }, async (app) => {
      expect(await countAttempts(app, (n) => ({ 'X-Forwarded-For': `10.0.0.${n}, 203.0.113.7` }))).toBe(max);
      // Another client has its own limit.
      expect(await countAttempts(app, (n) => ({ 'X-Forwarded-For': `10.0.0.${n}, 203.0.113.8` }))).toBe(max);
    }),
  );

  it(
    'through two proxies are counted by the second address from the right',
    withApp({ TRUSTED_PROXIES: '2' }, async (app) => {
      const headers = (client: string) => (n: number) => ({
        'X-Forwarded-For': `10.0.0.${n}, 10.1.0.${n}, ${client}, 192.0.2.1`,
      });
      expect(await countAttempts(app, headers('203.0.113.7'))).toBe(max);
      expect(await countAttempts(app, headers('203.0.113.8'))).toBe(max);
    }),
  );

  it(
    'through a proxy that adds ports are counted by the address without the port',
    withApp({ TRUSTED_PROXIES: '1' }, async (app) => {
      expect(await countAttempts(app, (n) => ({ 'X-Forwarded-For': `203.0.113.7:${40_000 + n}` }))).toBe(max);
      expect(await countAttempts(app, (n) => ({ 'X-Forwarded-For': `[2001:db8::7]:${40_000 + n}` }))).toBe(
        max,
      );
    }),
  );

  it.each([{}, { TRUSTED_PROXIES: '0', IS_PROXIED: 'true' }])(
    'without a proxy are counted by the connection and not by X-Forwarded-For: %j',
    (env) =>
      withApp(env, async (app) => {
        expect(await countAttempts(app, (n) => ({ 'X-Forwarded-For': `10.0.0.${n}` }))).toBe(max);
      })(),
  );

  const spellings = ['/api/auth/local', '/api/auth/local/', '/API/Auth/Local', '/api/AUTH/local/?a=1'];

  it(
    'have one limit for all spellings of the path',
    withApp({}, async (app) => {
      expect(
        await countAttempts(
          app,
          () => ({}),
          (n) => spellings[n % spellings.length] ?? '',
        ),
      ).toBe(max);
    }),
  );

  it(
    'cannot use another path, because unnormalized paths return an error',
    withApp({}, async (app) => {
      const user = await app.createUser();
      const body = { identifier: user.user.username, password };
      for (const path of [
        '//api/auth/local',
        '/api//auth/local',
        '/api/./auth/local',
        '/auth/local',
        '/api/auth/%6cocal',
      ]) {
        // fetch would normalize the path, so the test sends raw requests.
        const connection = await openRaw(app.url, { method: 'POST', path, body });
        await connection.over;
        expect(connection.status()).toBeGreaterThanOrEqual(400);
      }
    }),
  );
});

it(
  'registration and mail requests have one limit per path for all email addresses',
  withApp({}, async (app) => {
    for (const path of [
      '/api/auth/local/register',
      '/api/auth/forgot-password',
      '/api/auth/send-email-confirmation',
    ]) {
      const statuses: number[] = [];
      for (let n = 0; n < 25; n += 1) {
        const body = { username: `many-${n}`, email: `many-${n}@example.com`, password };
        statuses.push((await app.anonymous.post(path, body)).status);
      }
      expect([path, statuses.filter((status) => status !== 429)]).toEqual([
        path,
        Array.from({ length: max }, () => 200),
      ]);
    }
  }),
);

it(
  'login replies have X-RateLimit headers, and logins above the limit return 429',
  withApp({}, async (app) => {
    const send = () =>
      app.anonymous.post('/api/auth/local', { identifier: 'nobody', password: 'Wrong-passw0rd' });
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
  }),
);

describe('the time of a login', () => {
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

  it(
    'is the same for an unknown name, a wrong password, a blocked account and one without a password',
    withApp({ AUTH_MAX_ATTEMPTS_PER_MINUTE: '10000' }, async (app) => {
      const [known, blocked, byProvider] = [
        await app.createUser(),
        await app.createUser(),
        await app.createUser(),
      ];
      await app.admin.setBlocked(blocked.user.documentId, true);
      await app.db('up_users').where({ id: byProvider.user.id }).update({ password: null });
      const identifiers = {
        known: known.user.username,
        unknown: 'nobody',
        'unknown address': 'nobody@example.com',
        blocked: blocked.user.email,
        'without a password': byProvider.user.username,
      };
      const times: Record<string, number[]> = {};
      const replies = new Set<string>();
      for (let round = 0; round < 12; round += 1) {
        for (const [kind, identifier] of Object.entries(identifiers)) {
          const start = performance.now();
          const { status, text } = await app.anonymous.post('/api/auth/local', {
            identifier,
            password: 'Wrong-passw0rd',
          });
          (times[kind] ??= []).push(performance.now() - start);
          replies.add(`${status} ${text}`);
        }
      }
      expect([...replies]).toHaveLength(1);
      const medians = Object.entries(times).map(([kind, values]) => [kind, median(values)] as const);
      const reference = median(times['known'] ?? []);
      // The password comparison takes some twenty times as long as the rest of a login.
      for (const [kind, ms] of medians) {
        expect([kind, ms > reference / 2, ms < reference * 2]).toEqual([kind, true, true]);
      }
      const right = { identifier: blocked.user.username, password };
      expect((await app.anonymous.post('/api/auth/local', right)).body.error.message).toBe(
        'Your account has been blocked by an administrator',
      );
    }),
  );

  it(
    'of an administrator is the same for an unknown address and a wrong password',
    withApp({}, async (app) => {
      const times = { known: [] as number[], unknown: [] as number[] };
      const emails = { known: 'admin@example.com', unknown: 'nobody@example.com' };
      const replies = new Set<string>();
      for (let round = 0; round < 4; round += 1) {
        for (const kind of ['known', 'unknown'] as const) {
          const start = performance.now();
          const login = { email: emails[kind], password: 'Wrong-passw0rd' };
          const { status, text } = await app.anonymous.post('/admin/login', login);
          times[kind].push(performance.now() - start);
          replies.add(`${status} ${text}`);
        }
      }
      expect([...replies]).toHaveLength(1);
      expect(median(times.unknown)).toBeGreaterThan(median(times.known) / 2);
      expect(median(times.unknown)).toBeLessThan(median(times.known) * 2);
    }),
  );
});
