import type { ChatError } from '../../../src/chat/errors';
import { createTurnLimits, type Admission } from '../../../src/chat/limits/turn-limits';
import type { UserCounters } from '../../../src/chat/ports/user-counters';
import type { LimitSettings } from '../../../src/chat/settings';
import { createTextAllowance } from '../../../src/chat/limits/text-allowance';
import { createDifyEmulator, type DifyEmulator } from '../../dify-emulator';
import { createGate, settle, thrown } from '../support/collect';
import { heldReply } from '../support/dify';
import { ada, bob, limitSettings, recordingLog } from '../support/fixtures';
import { createHarness, eventsOf, type HarnessOptions } from '../support/harness';
import { createMemoryCounters, type MemoryCountersOptions } from '../support/memory-counters';

const noCounters = createMemoryCounters();

function limitsWith(
  settings: Partial<LimitSettings>,
  { counters, ...counted }: MemoryCountersOptions & { counters?: UserCounters } = {},
) {
  const log = recordingLog();
  const memory = createMemoryCounters(counted);
  const limits = createTurnLimits({
    settings: { ...limitSettings, ...settings },
    counters: counters ?? memory,
    text: createTextAllowance((counters ?? memory).charsPerDay),
    log,
  });
  return { admit: limits.admit, memory, log };
}

/** How many of these get a place. */
function admitAll(admit: () => Admission, times: number): Admission[] {
  return Array.from({ length: times }).flatMap(() => {
    try {
      return [admit()];
    } catch {
      return [];
    }
  });
}

async function refusalOf(run: () => unknown): Promise<ChatError> {
  return (await thrown(run)) as ChatError;
}

describe('turns at once', () => {
  it('are as many as the setting says, and one more when one has ended', async () => {
    const { admit } = limitsWith({ turnsAtOnce: 3 });
    const admitted = admitAll(() => admit(ada), 100);
    expect(admitted).toHaveLength(3);
    admitted[1]?.release();
    admitted[1]?.release();
    expect(admitAll(() => admit(ada), 100)).toHaveLength(1);
  });

  it('are refused with the limit and a guess when to try again', async () => {
    const { admit } = limitsWith({ turnsAtOnce: 1 });
    admit(ada);
    const { code, status, retryAfterSeconds, rateLimit } = await refusalOf(() => admit(ada));
    expect([code, status, retryAfterSeconds]).toEqual(['too-many-turns', 429, 5]);
    expect(rateLimit).toMatchObject({ limit: 1, remaining: 0 });
    expect((rateLimit?.resetAtMs ?? 0) - Date.now()).toBeGreaterThan(4_000);
  });

  it('of one user are none of another’s business', () => {
    const { admit } = limitsWith({ turnsAtOnce: 1 });
    admit(ada);
    expect(admitAll(() => admit(bob), 2)).toHaveLength(1);
  });

  it('have no limit where it is 0', () => {
    const { admit } = limitsWith({ turnsAtOnce: 0 });
    expect(admitAll(() => admit(ada), 100)).toHaveLength(100);
  });

  it('are free again when there was no turn after all', () => {
    const { admit } = limitsWith({ turnsAtOnce: 1 });
    for (let times = 0; times < 5; times += 1) admit(ada).cancel();
    expect(admitAll(() => admit(ada), 2)).toHaveLength(1);
  });
});

describe('text of a turn', () => {
  const twoRows = 2 * (500 + 'Hi'.length);

  it('is what it takes to store the question in both rows, and refused when the day has no more', async () => {
    const { admit } = limitsWith({}, { charsPerDay: 2 * twoRows, turnsPerMinute: 5 });
    await admit(ada).count('Hi');
    await admit(ada).count('Hi');
    const { code, status, rateLimit } = await refusalOf(() => admit(ada).count(''));
    expect([code, status]).toEqual(['text-limit-reached', 429]);
    expect(rateLimit).toMatchObject({ limit: 2 * twoRows, remaining: 0 });
    expect(await admit(bob).count('Hi')).toMatchObject({ remaining: 4 });
  });

  it('is given back when there was no turn after all, and when the minute has had enough of them', async () => {
    const { admit, memory } = limitsWith({}, { charsPerDay: twoRows, turnsPerMinute: 1 });
    for (let times = 0; times < 3; times += 1) {
      const admission = admit(ada);
      await admission.count('Hi');
      admission.cancel();
    }
    await admit(bob).count('Hi');
    const refused = admit(bob);
    expect((await refusalOf(() => refused.count(''))).code).toBe('text-limit-reached');
    expect([memory.turnsOf(ada.documentId), memory.turnsOf(bob.documentId)]).toEqual([0, 1]);
  });
});

describe('live turns of a process', () => {
  it('are as many as the setting says, whoever’s they are', async () => {
    const { admit } = limitsWith({ turnsAtOnce: 0, maxLiveTurns: 5 });
    const owners = [ada, bob];
    const admitted = admitAll(() => admit(owners.shift() ?? ada), 100);
    expect(admitted).toHaveLength(5);
    const { code, status, retryAfterSeconds, rateLimit } = await refusalOf(() => admit(bob));
    expect([code, status, retryAfterSeconds, rateLimit]).toEqual(['server-busy', 503, 5, undefined]);
    admitted[0]?.release();
    expect(admitAll(() => admit(bob), 100)).toHaveLength(1);
  });
});

describe('turns per minute', () => {
  it('are counted, and what is left is told', async () => {
    const { admit } = limitsWith({}, { turnsPerMinute: 2 });
    expect(await admit(ada).count('Hi')).toMatchObject({ limit: 2, remaining: 1 });
    expect(await admit(ada).count('Hi')).toMatchObject({ limit: 2, remaining: 0 });
    const { code, status, retryAfterSeconds, rateLimit } = await refusalOf(() => admit(ada).count('Hi'));
    expect([code, status, retryAfterSeconds]).toEqual(['rate-limited', 429, 30]);
    expect(rateLimit).toMatchObject({ limit: 2, remaining: 0 });
    expect(await admit(bob).count('Hi')).toMatchObject({ remaining: 1 });
  });

  it('are not asked for where there is no limit', async () => {
    expect(await limitsWith({}).admit(ada).count('Hi')).toBeNull();
  });

  it('say at least one second, also in the last moment of the minute', async () => {
    const { admit } = limitsWith({}, { turnsPerMinute: 1, resetAtMs: () => Date.now() - 5 });
    await admit(ada).count('Hi');
    expect((await refusalOf(() => admit(ada).count('Hi'))).retryAfterSeconds).toBe(1);
  });

  it('count no turn that did not come about, nor a refused one', async () => {
    const { admit, memory } = limitsWith({}, { turnsPerMinute: 1 });
    const uncounted = admit(ada);
    uncounted.cancel();
    const counted = admit(ada);
    await counted.count('Hi');
    const refused = admit(ada);
    await thrown(refused.count('Hi'));
    refused.cancel();
    expect(memory.turnsOf(ada.documentId)).toBe(1);
    counted.cancel();
    counted.cancel();
    await settle();
    expect(memory.turnsOf(ada.documentId)).toBe(0);
  });

  it('give nothing back to a minute that has passed: the next one would have one too many', async () => {
    const { admit, memory } = limitsWith({}, { turnsPerMinute: 1, resetAtMs: () => Date.now() - 1 });
    const admission = admit(ada);
    await admission.count('Hi');
    admission.cancel();
    await settle();
    expect(memory.turnsOf(ada.documentId)).toBe(1);
  });

  it('fail as the database does, and free the place', async () => {
    const away = new Error('away');
    const turnsPerMinute = { count: () => Promise.reject(away), refund: async () => undefined };
    const { admit } = limitsWith({ turnsAtOnce: 1 }, { counters: { ...noCounters, turnsPerMinute } });
    const admission = admit(ada);
    expect(await thrown(admission.count('Hi'))).toBe(away);
    admission.cancel();
    admit(ada).cancel();
  });

  it('disturb nobody when one of them cannot be given back', async () => {
    const givenBack: string[] = [];
    const turnsPerMinute: UserCounters['turnsPerMinute'] = {
      count: async () => ({
        isAllowed: true,
        rateLimit: { limit: 1, remaining: 0, resetAtMs: Date.now() + 30_000 },
      }),
      refund: async (userDocumentId) => {
        givenBack.push(userDocumentId);
        throw new Error('away');
      },
    };
    const { admit } = limitsWith({ turnsAtOnce: 1 }, { counters: { ...noCounters, turnsPerMinute } });
    const admission = admit(ada);
    await admission.count('Hi');
    admission.cancel();
    // A rejection that nobody handles would fail this test by itself: Jest sees to that.
    await settle();
    expect(givenBack).toEqual([ada.documentId]);
    admit(ada).cancel();
  });
});

describe('tokens per day', () => {
  it('are what answers have cost; the one that goes over the limit is the last', async () => {
    const { admit, memory } = limitsWith({}, { tokensPerDay: 100, turnsPerMinute: 10 });
    for (const total_tokens of [60, 60]) {
      const admission = admit(ada);
      await admission.count('Hi');
      await admission.spend({ total_tokens });
    }
    const { code, status, retryAfterSeconds, rateLimit } = await refusalOf(() => admit(ada).count('Hi'));
    expect([code, status, retryAfterSeconds]).toEqual(['token-limit-reached', 429, 30]);
    expect(rateLimit).toMatchObject({ limit: 100, remaining: 0 });
    expect(memory.tokensOf(ada.documentId)).toBe(120);
    // Refused for its tokens, it does not count as a turn.
    expect(memory.turnsOf(ada.documentId)).toBe(2);
    expect(await admit(bob).count('Hi')).toMatchObject({ remaining: 9 });
  });

  it.each([
    [{ total_tokens: '7' }, 7],
    [{ total_tokens: 6.5 }, 7],
    [{ total_tokens: 1e300 }, 10_000_000],
    [{ total_tokens: -5 }, 0],
    [{ total_tokens: 'many' }, 0],
    [{ total_tokens: null }, 0],
    [{ currency: 'USD' }, 0],
    [null, 0],
  ])('takes usage %j for %d', async (usage, tokens) => {
    const { admit, memory } = limitsWith({}, { tokensPerDay: 100 });
    await admit(ada).spend(usage);
    expect(memory.tokensOf(ada.documentId)).toBe(tokens);
  });

  it('that cannot be counted are logged, and keep no answer back', async () => {
    const counters: UserCounters = {
      ...noCounters,
      tokensPerDay: {
        read: async () => ({ limit: 1, remaining: 1, resetAtMs: 0 }),
        add: async () => {
          throw new Error('secret');
        },
      },
    };
    const { admit, log } = limitsWith({}, { counters });
    await admit(ada).spend({ total_tokens: 5 });
    expect(log.lines).toEqual([expect.stringMatching(/^error 5 token\(s\) of a user could not be counted/u)]);
    expect(log.lines.join('')).not.toContain('secret');
  });
});

describe('turns within limits', () => {
  let dify: DifyEmulator;

  beforeEach(async () => {
    dify = await createDifyEmulator({ titleDelayMs: 1 }).listen();
  });

  afterEach(async () => {
    await dify.idle();
    await dify.close();
  });

  function harness(options: Omit<HarnessOptions, 'dify'> = {}) {
    return createHarness({ dify, ...options });
  }

  async function codeOf(run: Promise<unknown>): Promise<string> {
    return (await thrown(run).then((error) => error as ChatError)).code;
  }

  it('start as many of a hundred at once as may, save those, and ask Dify for those', async () => {
    const { ask, store, live } = harness({ limits: { turnsAtOnce: 3 } });
    const settled = await Promise.allSettled(Array.from({ length: 100 }, () => ask()));
    await live.idle();
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(store.turns()).toHaveLength(3);
    expect(dify.requests.filter(({ path }) => path === '/v1/chat-messages')).toHaveLength(3);
  });

  it('let the next one in as soon as the end is told', async () => {
    const { ask } = harness({ limits: { turnsAtOnce: 1 } });
    for (let times = 0; times < 3; times += 1) {
      const turn = await ask();
      expect(await codeOf(ask())).toBe('too-many-turns');
      await turn.ended;
    }
  });

  it('let the next one in when saving the question failed', async () => {
    let isAway = true;
    const counters = createMemoryCounters({ turnsPerMinute: 1 });
    const { ask, live } = harness({
      limits: { turnsAtOnce: 1 },
      counters,
      store: (store) => ({
        open: async (turn) => {
          if (isAway) throw new Error('away');
          return store.open(turn);
        },
      }),
    });
    for (let times = 0; times < 5; times += 1)
      expect((await thrown(ask())) as Error).toMatchObject({ message: 'away' });
    isAway = false;
    await ask();
    await live.idle();
    expect(counters.turnsOf(ada.documentId)).toBe(1);
  });

  it('count no question that could not be saved anyway', async () => {
    const counters = createMemoryCounters({ turnsPerMinute: 2 });
    const { ask, live } = harness({ counters });
    expect(await codeOf(ask({ characterId: 'nobody' }))).toBe('character-not-found');
    expect(await codeOf(ask({ session: { sessionId: 'nowhere' } }))).toBe('session-not-found');
    const reply = heldReply(dify);
    const { sessionId } = await ask();
    expect(await codeOf(ask({ session: { sessionId } }))).toBe('turn-in-progress');
    await (await reply).end();
    await live.idle();
    expect(counters.turnsOf(ada.documentId)).toBe(1);
  });

  it('say what is wrong with a question to one whose minute is used up, too', async () => {
    const { ask, live } = harness({ counters: createMemoryCounters({ turnsPerMinute: 1 }) });
    await ask();
    expect(await codeOf(ask({ characterId: 'nobody' }))).toBe('character-not-found');
    expect(await codeOf(ask({ session: { sessionId: 'nowhere' } }))).toBe('session-not-found');
    expect(await codeOf(ask())).toBe('rate-limited');
    await live.idle();
  });

  it('tell with each turn what the minute has left', async () => {
    const { ask, live } = harness({ counters: createMemoryCounters({ turnsPerMinute: 2 }) });
    expect((await ask()).rateLimit).toMatchObject({ limit: 2, remaining: 1 });
    expect((await ask()).rateLimit).toMatchObject({ limit: 2, remaining: 0 });
    await live.idle();
  });

  it('count the tokens of an answer before its end is told, of a stopped one too', async () => {
    const counters = createMemoryCounters({ tokensPerDay: 1_000 });
    const { ask, turns } = harness({ counters, settings: { stopGraceMs: 5_000 } });
    const counted: number[] = [];
    for (const isStopped of [false, true]) {
      const reply = heldReply(dify);
      const turn = await ask();
      void turn.ended.then(() => counted.push(counters.tokensOf(ada.documentId)));
      const { say, end, ignoreStop } = await reply;
      await say('Calm.');
      if (isStopped) {
        ignoreStop();
        const stopped = turns.stop(ada, turn.turnId);
        await settle();
        await end({ total_tokens: 30 });
        await stopped;
      } else {
        await end({ total_tokens: 12 });
        await turn.ended;
      }
    }
    expect(counted).toEqual([12, 42]);
  });

  it('tell no end while the tokens of its answer are being counted', async () => {
    const counting = createGate();
    const counted = createGate();
    const day = { limit: 1, remaining: 1, resetAtMs: 0 };
    const tokensPerDay = {
      read: async () => day,
      add: async () => {
        counting.open();
        await counted.opened;
        return day;
      },
    };
    const { ask } = harness({ counters: { ...noCounters, tokensPerDay } });
    const reply = heldReply(dify);
    const turn = await ask();
    let isTold = false;
    void turn.ended.then(() => (isTold = true));
    await (await reply).end({ total_tokens: 12 });
    await counting.opened;
    await settle();
    expect(isTold).toBe(false);
    counted.open();
    expect(await turn.ended).toMatchObject({ event: 'message_end', outcome: 'completed' });
  });

  it('refuse when today’s tokens are used up, and save nothing', async () => {
    const counters = createMemoryCounters({ tokensPerDay: 10 });
    const { ask, store } = harness({ counters });
    const reply = heldReply(dify);
    const turn = await ask();
    await (await reply).end({ total_tokens: 10 });
    await eventsOf(turn);
    expect(await codeOf(ask())).toBe('token-limit-reached');
    expect(store.turns()).toHaveLength(1);
  });
});
