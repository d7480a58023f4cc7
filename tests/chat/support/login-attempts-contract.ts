import { longestLoginPauseMs, loginClaimMs, loginPauseMs } from '../../../src/chat/limits/login-pause';
import type {
  LoginAttempts,
  LoginResult,
  UpstreamAccount,
} from '../../../src/chat/ports/upstreams/login-attempts';

interface Parts {
  readonly attempts: LoginAttempts;
  /** Lets this time pass for the attempts. */
  readonly forward: (ms: number) => Promise<void>;
}

/** Tests of every implementation of `LoginAttempts`. */
export function itKeepsLoginAttempts(create: () => Promise<Parts>): void {
  const account: UpstreamAccount = { url: 'http://dify', email: 'ann@example.org', password: 'secret' };
  const refused: LoginResult = {
    type: 'refused',
    reason: { upstreamStatus: 401, upstreamCode: 'login_refused' },
  };
  const failed: LoginResult = { type: 'failed', upstreamStatus: 403 };
  let attempts: LoginAttempts;
  let forward: Parts['forward'];

  beforeEach(async () => {
    ({ attempts, forward } = await create());
  });

  const stateOf = async (of = account) => (await attempts.claim(of)).state;

  async function tryOnce(result: LoginResult): Promise<void> {
    const claim = await attempts.claim(account);
    if (claim.state !== 'claimed') throw new Error(`The try is ${claim.state}.`);
    await claim.end(result);
  }

  it('gives one of several callers the next try', async () => {
    const states = await Promise.all(Array.from({ length: 8 }, () => stateOf()));
    expect(states.sort()).toEqual([...Array<string>(7).fill('busy'), 'claimed']);
  });

  it('gives the next try after a login, and after one that was not checked', async () => {
    for (const type of ['accepted', 'unchecked', 'unchecked', 'unchecked', 'unchecked', 'accepted'] as const)
      await tryOnce({ type });
  });

  it('gives no try after a refusal, and says which one it was', async () => {
    await tryOnce(refused);
    await forward(2 * longestLoginPauseMs);
    expect(await attempts.claim(account)).toEqual({ state: 'refused', reason: refused.reason });
  });

  it.each<keyof UpstreamAccount>(['url', 'email', 'password'])(
    'knows nothing after the %s has changed',
    async (field) => {
      await tryOnce(refused);
      expect(await stateOf({ ...account, [field]: 'changed' })).toBe('claimed');
      expect(await stateOf()).toBe('refused');
    },
  );

  it('forgets a refusal and a pause, but no running try', async () => {
    await tryOnce(refused);
    await attempts.forget(account);
    await tryOnce(failed);
    await attempts.forget(account);
    expect(await stateOf()).toBe('claimed');
    await attempts.forget(account);
    expect(await stateOf()).toBe('busy');
  });

  it('pauses longer after each failed try', async () => {
    for (const tries of [1, 2, 3, 4, 5]) {
      await tryOnce(failed);
      await forward(loginPauseMs(tries) - 10_000);
      expect(await attempts.claim(account)).toEqual({ state: 'paused', upstreamStatus: 403 });
      await forward(10_000);
    }
    await tryOnce({ type: 'accepted' });
    await tryOnce(failed);
    await forward(loginPauseMs(1));
    expect(await stateOf()).toBe('claimed');
  });

  it('gives another try after the process of a try has died, but at most four a day', async () => {
    for (const _try of [1, 2, 3]) {
      expect(await stateOf()).toBe('claimed');
      await forward(loginClaimMs - 10_000);
      expect(await stateOf()).toBe('busy');
      await forward(10_000);
    }
    expect(await stateOf()).toBe('claimed');
    await forward(loginClaimMs);
    expect(await attempts.claim(account)).toEqual({ state: 'paused', upstreamStatus: null });
    await forward(longestLoginPauseMs - loginClaimMs);
    expect(await stateOf()).toBe('claimed');
  });

  it('ignores the result of a try whose claim another process has taken over', async () => {
    const late = await attempts.claim(account);
    await forward(loginClaimMs);
    expect(await stateOf()).toBe('claimed');
    if (late.state === 'claimed') await late.end({ type: 'accepted' });
    expect(await stateOf()).toBe('busy');
  });
}
