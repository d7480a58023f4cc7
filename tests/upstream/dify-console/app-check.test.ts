import { createDifyConsole } from '../../../src/upstream/dify-console/console';
import { createDifyEmulator, type DifyEmulator, type Profile } from '../../dify-emulator';
import { thrown } from '../../chat/support/collect';
import { createMemoryLoginAttempts } from '../../chat/support/memory-login-attempts';
import { consoleSettings, consoleUpstream, requestsTo } from './support/console';

describe.each<Profile>(['0.15', '1.x'])('findProblem of an app in the console of Dify %s', (profile) => {
  let dify: DifyEmulator;

  beforeEach(async () => {
    dify = await createDifyEmulator({ profile }).listen();
  });
  afterEach(() => dify.close());

  const upstreamOf = (appId: string) =>
    createDifyConsole({
      settings: consoleSettings(dify),
      logins: createMemoryLoginAttempts(),
      warn: () => undefined,
    }).app(appId);

  it.each(['app-emulated-chat', 'app-emulated-agent-chat'])('finds nothing wrong with %s', async (key) => {
    expect(await consoleUpstream(dify, { key }).findProblem()).toBeNull();
    expect(requestsTo(dify, '/chat-messages')).toEqual([]);
  });

  it('finds nothing wrong with a model that Dify lists, and reports another', async () => {
    const upstream = consoleUpstream(dify);
    expect(await upstream.findProblem({ model: 'fake-large' })).toBeNull();
    expect(await upstream.findProblem({ model: 'gpt-0' })).toMatchObject({
      code: 'model-unknown',
      message: expect.stringContaining('"gpt-0"'),
    });
    expect(requestsTo(dify, '/chat-messages')).toEqual([]);
  });

  it('reports an app of the wrong kind', async () => {
    const upstream = consoleUpstream(dify, { key: 'app-emulated-advanced-chat' });
    expect(await upstream.findProblem()).toMatchObject({
      code: 'app-mode-wrong',
      message: expect.stringContaining('"advanced-chat"'),
    });
  });

  it('reports an app that the account does not have', async () => {
    const upstream = upstreamOf('8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01');
    expect(await upstream.findProblem()).toMatchObject({ code: 'app-unknown' });
  });

  it.each(['', '..', '../../setup', 'app-key'])('reports the id "%s" without a request', async (appId) => {
    expect(await upstreamOf(appId).findProblem()).toMatchObject({ code: 'app-unknown' });
    expect(dify.requests).toEqual([]);
  });

  it('reports a refused login', async () => {
    const upstream = consoleUpstream(dify, { overrides: { password: 'Wrong-Passw0rd-1' } });
    for (let check = 0; check < 3; check++)
      expect(await upstream.findProblem()).toMatchObject({
        code: 'console-login-refused',
        message: expect.stringContaining('Check the email and the password'),
      });
    expect(dify.account.refusedLogins).toBe(1);
  });

  it('throws if the console cannot be reached', async () => {
    const upstream = consoleUpstream(dify, { overrides: { consoleUrl: 'http://127.0.0.1:9/console/api' } });
    expect(await thrown(upstream.findProblem())).toMatchObject({ code: 'upstream-unreachable' });
  });
});
