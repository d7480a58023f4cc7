import http from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { describeError } from '../../../src/chat/shared/log';
import { getApp } from '../../../src/upstream/dify-console/calls';
import { explainFailure } from '../../../src/upstream/explain';
import {
  createSession,
  LoginExpiredError,
  type AccountSettings,
  type ConsoleSession,
} from '../../../src/upstream/dify-console/session';
import { loginClaimMs } from '../../../src/chat/limits/login-pause';
import { createGate, thrown } from '../../chat/support/collect';
import { expectSilence } from '../../chat/support/silence';
import { createMemoryLoginAttempts } from '../../chat/support/memory-login-attempts';
import { createDifyEmulator, type DifyEmulator, type Profile } from '../../dify-emulator';
import { holdsWithin } from '../../support/until';
import { appIdOf, consoleSettings, requestsTo } from './support/console';

const readApp = (session: ConsoleSession, dify: DifyEmulator) => getApp({ session, appId: appIdOf(dify) });

describe.each<Profile>(['0.15', '1.x'])('the session with the console of Dify %s', (profile) => {
  let dify: DifyEmulator;

  beforeEach(async () => {
    dify = await createDifyEmulator({ profile }).listen();
  });
  afterEach(() => dify.close());

  const sessionOf = (overrides: Partial<AccountSettings> = {}, logins = createMemoryLoginAttempts()) =>
    createSession(consoleSettings(dify, overrides), logins);
  const logins = () => requestsTo(dify, '/login').length;
  const refreshes = () => requestsTo(dify, '/refresh-token').length;
  /** The first one of 1.x has the plain password, which older versions take. */
  const loginsOfOne = profile === '0.15' ? 1 : 2;

  it('logs in with the first call, and not before', async () => {
    const session = sessionOf();
    expect(dify.requests).toEqual([]);
    expect((await readApp(session, dify)).status).toBe(200);
    expect(logins()).toBe(loginsOfOne);
    expect(dify.account.refusedLogins).toBe(0);
  });

  it('logs in once for all calls that wait together', async () => {
    const session = sessionOf();
    const replies = await Promise.all(Array.from({ length: 8 }, () => readApp(session, dify)));
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(logins()).toBe(loginsOfOne);
  });

  it('refreshes an expired login once for all calls, and does not log in again', async () => {
    const session = sessionOf();
    await readApp(session, dify);
    for (const round of [1, 2]) {
      dify.expireLogins();
      const replies = await Promise.all(Array.from({ length: 8 }, () => readApp(session, dify)));
      expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
      expect(refreshes()).toBe(round);
    }
    expect(logins()).toBe(loginsOfOne);
  });

  it('does not refresh a login that another call has refreshed', async () => {
    const session = sessionOf();
    await readApp(session, dify);
    const refreshed = createGate();
    let attempts = 0;
    const late = session.run(async () => {
      attempts += 1;
      await refreshed.opened;
      if (attempts === 1) throw new LoginExpiredError({});
    });
    dify.expireLogins();
    await readApp(session, dify);
    refreshed.open();
    await late;
    expect(attempts).toBe(2);
    expect(refreshes()).toBe(1);
  });

  it('logs in again if Dify does not accept the refresh token', async () => {
    const session = sessionOf();
    await readApp(session, dify);
    dify.expireLogins('all');
    expect((await readApp(session, dify)).status).toBe(200);
    expect(logins()).toBe(2 * loginsOfOne);
  });

  it('does not use up the tokens of another process', async () => {
    const sessions = [sessionOf(), sessionOf()];
    for (const session of sessions) await readApp(session, dify);
    dify.expireLogins();
    for (const session of sessions) expect((await readApp(session, dify)).status).toBe(200);
    expect(refreshes()).toBe(2);
    expect(logins()).toBe(2 * loginsOfOne);
  });

  it('never repeats a refused login, and says what to do without the password', async () => {
    const password = 'Wrong-Passw0rd-1';
    const session = sessionOf({ password });
    const errors = await Promise.all(Array.from({ length: 8 }, () => thrown(readApp(session, dify))));
    errors.push(await thrown(readApp(session, dify)));
    expect(logins()).toBe(loginsOfOne);
    expect(dify.account.refusedLogins).toBe(1);
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'upstream-misconfigured' });
      expect(describeError(error)).toContain('Check the email and the password, then restart the server.');
      expectSilence(error, [password, Buffer.from(password).toString('base64'), dify.account.email]);
    }
    expect(session.problem()).toMatchObject({ code: 'console-login-refused' });
  });

  it('never repeats a login after the password has changed in Dify', async () => {
    const settings = consoleSettings(dify);
    const session = createSession(settings, createMemoryLoginAttempts());
    await readApp(session, dify);
    dify.expireLogins('all');
    Object.assign(dify.account, { password: 'Another-1' });
    for (let call = 0; call < 6; call++) await thrown(readApp(session, dify));
    expect(dify.account.refusedLogins).toBeLessThanOrEqual(2);
    expect(session.problem()).not.toBeNull();
  });

  it('says that Dify has locked the account', async () => {
    for (let refused = 0; refused < 5; refused++)
      await thrown(readApp(sessionOf({ password: 'Wrong-Passw0rd-1' }), dify));
    const session = sessionOf();
    const error = await thrown(readApp(session, dify));
    expect(describeError(error)).toContain('Dify has locked the account of the console for 24 hours');
    await thrown(readApp(session, dify));
    expect(logins()).toBe(6 * loginsOfOne);
  });

  describe('of several processes', () => {
    const wrong = { password: 'Wrong-Passw0rd-1' };
    const accountOf = (overrides: Partial<AccountSettings> = {}) => {
      const { consoleUrl: url, email, password } = consoleSettings(dify, overrides);
      return { url, email, password };
    };
    afterEach(() => jest.restoreAllMocks());

    it('is refused once for all of them, and after their restart', async () => {
      const attempts = createMemoryLoginAttempts();
      const sessions = [sessionOf(wrong, attempts), sessionOf(wrong, attempts)];
      await Promise.all(sessions.map((session) => thrown(readApp(session, dify))));
      const restarted = sessionOf(wrong, attempts);
      expect(await thrown(readApp(restarted, dify))).toMatchObject({ code: 'upstream-misconfigured' });
      expect(dify.account.refusedLogins).toBe(1);
      for (const session of [...sessions, restarted])
        expect(session.problem()).toMatchObject({
          code: 'console-login-refused',
          message: expect.stringContaining('doctor --retry-login'),
        });
    });

    it('begins again with another password', async () => {
      const attempts = createMemoryLoginAttempts();
      await thrown(readApp(sessionOf(wrong, attempts), dify));
      expect((await readApp(sessionOf({}, attempts), dify)).status).toBe(200);
    });

    it('begins again after an operator has said so, also in a process that was refused', async () => {
      const attempts = createMemoryLoginAttempts();
      const session = sessionOf(wrong, attempts);
      await thrown(readApp(session, dify));
      Object.assign(dify.account, wrong);
      expect(session.problem()).not.toBeNull();
      await attempts.forget(accountOf(wrong));
      expect((await readApp(session, dify)).status).toBe(200);
      expect(session.problem()).toBeNull();
    });

    it('waits for the try of another process, which can have died', async () => {
      const attempts = createMemoryLoginAttempts();
      expect((await attempts.claim(accountOf())).state).toBe('claimed');
      const reading = readApp(sessionOf({}, attempts), dify);
      expect(await holdsWithin(50, () => logins() > 0)).toBe(false);
      const late = Date.now() + loginClaimMs;
      jest.spyOn(Date, 'now').mockImplementation(() => late);
      expect((await reading).status).toBe(200);
    });

    it('does not begin while the attempts cannot be read', async () => {
      const claim = () => Promise.reject(new Error('The database is down.'));
      const session = sessionOf({}, { ...createMemoryLoginAttempts(), claim });
      const error = await thrown(readApp(session, dify));
      expect(error).toMatchObject({ code: 'database-unavailable' });
      expect(explainFailure(error, 'dify-console')).toContain('The database cannot be read or written');
      expect(dify.requests).toEqual([]);
    });

    it('succeeds although its result cannot be saved', async () => {
      const attempts = createMemoryLoginAttempts();
      const session = sessionOf(
        {},
        {
          ...attempts,
          async claim(account) {
            const claim = await attempts.claim(account);
            const end = () => Promise.reject(new Error('The database is down.'));
            return claim.state === 'claimed' ? { ...claim, end } : claim;
          },
        },
      );
      expect((await readApp(session, dify)).status).toBe(200);
    });
  });
});

describe('the session with a console that fails', () => {
  let server: http.Server;
  let asked: string[];
  let replies: Record<string, readonly [number, string]>;

  beforeEach(async () => {
    asked = [];
    replies = {};
    server = http.createServer((req, res) => {
      const path = req.url?.replace(/^\/console\/api/u, '').replace(/\?.*$/u, '') ?? '';
      asked.push(path);
      const [status, body] = replies[path] ?? [404, ''];
      req.resume();
      res.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  const appId = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
  const app = `/apps/${appId}`;
  const tokens = '{"data": {"access_token": "secret-access", "refresh_token": "secret-refresh"}}';
  const sessionOf = (logins = createMemoryLoginAttempts()) => {
    const { port } = server.address() as AddressInfo;
    const account = { email: 'owner@example.com', password: 'Passw0rd123', refusedLogins: 0 };
    return createSession(consoleSettings({ url: `http://127.0.0.1:${port}`, account }), logins);
  };

  it.each([
    ['a gateway fails', 502, '<html>', 'upstream-failed'],
    ['Dify fails', 500, '{"code": "unknown", "message": "Internal Server Error"}', 'upstream-failed'],
    ['a proxy limits requests', 429, '<html>', 'upstream-busy'],
    ['Dify limits requests', 429, '{"code": "too_many_requests", "message": "Wait."}', 'upstream-busy'],
    ['another page answers', 200, '<html>', 'upstream-malformed'],
  ])('logs in again later if %s', async (_what, status, body, code) => {
    replies['/login'] = [status, body];
    const session = sessionOf();
    expect(await thrown(getApp({ session, appId }))).toMatchObject({ code });
    replies['/login'] = [200, tokens];
    replies[app] = [200, '{}'];
    expect((await getApp({ session, appId })).status).toBe(200);
    expect(session.problem()).toBeNull();
  });

  it.each([
    ['a banned account', 400, '{"code": "account_banned", "message": "Banned."}'],
    ['a failure with status 200', 200, '{"result": "fail", "data": "no workspace"}'],
  ])('takes %s as a refused login', async (_what, status, body) => {
    replies['/login'] = [status, body];
    const session = sessionOf();
    for (let call = 0; call < 3; call++)
      expect(await thrown(getApp({ session, appId }))).toMatchObject({ code: 'upstream-misconfigured' });
    expect(asked).toEqual(['/login']);
    expect(session.problem()).toMatchObject({ code: 'console-login-refused' });
  });

  it.each([
    [400, '<html>Bad request</html>'],
    [401, ''],
    [403, '<html>Maintenance</html>'],
  ])('logs in again after a growing pause if a %d is not about the account: %s', async (status, body) => {
    let nowMs = Date.now();
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => nowMs);
    replies['/login'] = [status, body];
    const session = sessionOf();
    const minutes = 60_000;
    for (const [afterMs, tries] of [
      [0, 1],
      [4 * minutes, 1],
      [1 * minutes, 2],
      [19 * minutes, 2],
      [1 * minutes, 3],
      [80 * minutes, 4],
      [23 * 60 * minutes, 4],
    ] as const) {
      nowMs += afterMs;
      for (let call = 0; call < 2; call++) await thrown(getApp({ session, appId }));
      expect(asked).toEqual(Array(tries).fill('/login'));
      expect(session.problem()).toBeNull();
    }
    nowMs += 60 * minutes;
    replies['/login'] = [200, tokens];
    replies[app] = [200, '{}'];
    expect((await getApp({ session, appId })).status).toBe(200);
    clock.mockRestore();
  });

  it('logs in at most four times a day in all processes if a refusal is not about the account', async () => {
    const start = Date.now();
    let nowMs = start;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => nowMs);
    replies['/login'] = [401, ''];
    const logins = createMemoryLoginAttempts();
    const minutes = 60_000;
    for (; nowMs < start + 24 * 60 * minutes; nowMs += 10 * minutes) {
      for (const session of [sessionOf(logins), sessionOf(logins)])
        expect(await thrown(getApp({ session, appId }))).toMatchObject({ code: 'upstream-misconfigured' });
    }
    expect(asked).toEqual(Array(4).fill('/login'));
    clock.mockRestore();
  });

  it('does not log in because a refresh fails', async () => {
    Object.assign(replies, { '/login': [200, tokens], '/refresh-token': [502, '<html>'], [app]: [401, ''] });
    expect(await thrown(getApp({ session: sessionOf(), appId }))).toMatchObject({ code: 'upstream-failed' });
    expect(asked).toEqual(['/login', app, '/refresh-token']);
  });

  it('repeats a call once only, and keeps the tokens out of the error', async () => {
    Object.assign(replies, { '/login': [200, tokens], '/refresh-token': [200, tokens], [app]: [401, '{}'] });
    const error = await thrown(getApp({ session: sessionOf(), appId }));
    expect(error).toMatchObject({ code: 'upstream-misconfigured' });
    expect(asked).toEqual(['/login', app, '/refresh-token', app]);
    expectSilence(error, ['secret-access', 'secret-refresh', 'Passw0rd123']);
  });
});
