import type { ChatError } from '../../../src/chat/errors';
import { createTurnLimits, type Admission, type SpentTokens } from '../../../src/chat/limits/turn-limits';
import type { UserCounters } from '../../../src/chat/ports/users/user-counters';
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

/** Asks for this number of admissions. @returns those that succeed. */
function admitAll(admit: () => Admission, times: number): Admission[] {
  return Array.from({ length: times }).flatMap(() => {
    try {
      return [admit()];
    } catch {
      return [];
    }
  });
}

/** A whole answer without a usage and without text, except for `changes`. */
function spent(changes: Partial<SpentTokens> = {}): SpentTokens {
  return { outcome: 'completed', usage: null, texts: [], ...changes };
}

async function refusalOf(run: () => unknown): Promise<ChatError> {
  return (await thrown(run)) as ChatError;
}

describe('parallel turns of a user', () => {
  it('are limited by the setting, and an ended turn frees one place', async () => {
    const { admit } = limitsWith({ turnsAtOnce: 3 });
    const admitted = admitAll(() => admit(ada), 100);
    expect(admitted).toHaveLength(3);
    admitted[1]?.release();
    admitted[1]?.release();
    expect(admitAll(() => admit(ada), 100)).toHaveLength(1);
  });

  it('are rejected with the limit and an estimated retry delay', async () => {
    const { admit } = limitsWith({ turnsAtOnce: 1 });
    admit(ada);
    const { code, status, retryAfterSeconds, rateLimit } = await refusalOf(() => admit(ada));
    expect([code, status, retryAfterSeconds]).toEqual(['too-many-turns', 429, 5]);
    expect(rateLimit).toMatchObject({ limit: 1, remaining: 0 });
    expect((rateLimit?.resetAtMs ?? 0) - Date.now()).toBeGreaterThan(4_000);
  });

  it('do not count for another user', () => {
    const { admit } = limitsWith({ turnsAtOnce: 1 });
    admit(ada);
    expect(admitAll(() => admit(bob), 2)).toHaveLength(1);
  });

  it('have no limit if the setting is 0', () => {
    const { admit } = limitsWith({ turnsAtOnce: 0 });
    expect(admitAll(() => admit(ada), 100)).toHaveLength(100);
  });

  it('free their place when they are cancelled', () => {
    const { admit } = limitsWith({ turnsAtOnce: 1 });
    for (let times = 0; times < 5; times += 1) admit(ada).cancel();
    expect(admitAll(() => admit(ada), 2)).toHaveLength(1);
  });
});

describe('text of a turn', () => {
  const twoRows = 2 * (500 + 'Hi'.length);

  it('counts the question in both rows, and is rejected over the daily limit', async () => {
    const { admit } = limitsWith({}, { charsPerDay: 2 * twoRows, turnsPerMinute: 5 });
    await admit(ada).count('Hi');
    await admit(ada).count('Hi');
    const { code, status, rateLimit } = await refusalOf(() => admit(ada).count(''));
    expect([code, status]).toEqual(['text-limit-reached', 429]);
    expect(rateLimit).toMatchObject({ limit: 2 * twoRows, remaining: 0 });
    expect(await admit(bob).count('Hi')).toMatchObject({ remaining: 4 });
  });

  it('is refunded when the turn is cancelled, and a rejected turn is not counted', async () => {
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
  it('are limited by the setting for all users together', async () => {
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
  it('are counted, and the limit is returned with the remaining number', async () => {
    const { admit } = limitsWith({}, { turnsPerMinute: 2 });
    expect(await admit(ada).count('Hi')).toMatchObject({ limit: 2, remaining: 1 });
    expect(await admit(ada).count('Hi')).toMatchObject({ limit: 2, remaining: 0 });
    const { code, status, retryAfterSeconds, rateLimit } = await refusalOf(() => admit(ada).count('Hi'));
    expect([code, status, retryAfterSeconds]).toEqual(['rate-limited', 429, 30]);
    expect(rateLimit).toMatchObject({ limit: 2, remaining: 0 });
    expect(await admit(bob).count('Hi')).toMatchObject({ remaining: 1 });
  });

  it('are not counted without a limit', async () => {
    expect(await limitsWith({}).admit(ada).count('Hi')).toBeNull();
  });

  it('have a retry delay of at least one second', async () => {
    const { admit } = limitsWith({}, { turnsPerMinute: 1, resetAtMs: () => Date.now() - 5 });
    await admit(ada).count('Hi');
    expect((await refusalOf(() => admit(ada).count('Hi'))).retryAfterSeconds).toBe(1);
  });

  it('do not include a cancelled or a rejected turn', async () => {
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

  it('refund nothing after the minute has passed, because the next minute would allow one too many', async () => {
    const { admit, memory } = limitsWith({}, { turnsPerMinute: 1, resetAtMs: () => Date.now() - 1 });
    const admission = admit(ada);
    await admission.count('Hi');
    admission.cancel();
    await settle();
    expect(memory.turnsOf(ada.documentId)).toBe(1);
  });

  it('fail with the error of the database, and free the place', async () => {
    const away = new Error('away');
    const turnsPerMinute = { count: () => Promise.reject(away), refund: async () => undefined };
    const { admit } = limitsWith({ turnsAtOnce: 1 }, { counters: { ...noCounters, turnsPerMinute } });
    const admission = admit(ada);
    expect(await thrown(admission.count('Hi'))).toBe(away);
    admission.cancel();
    admit(ada).cancel();
  });

  it('ignore a refund that fails', async () => {
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
    // Jest fails this test if a rejection is unhandled.
    await settle();
    expect(givenBack).toEqual([ada.documentId]);
    admit(ada).cancel();
  });
});

describe('tokens per day', () => {
  it('count the usage of answers, and the answer that exceeds the limit is the last', async () => {
    const { admit, memory } = limitsWith({}, { tokensPerDay: 100, turnsPerMinute: 10 });
    for (const total_tokens of [60, 60]) {
      const admission = admit(ada);
      await admission.count('Hi');
      await admission.spend(spent({ usage: { total_tokens } }));
    }
    const { code, status, retryAfterSeconds, rateLimit } = await refusalOf(() => admit(ada).count('Hi'));
    expect([code, status, retryAfterSeconds]).toEqual(['token-limit-reached', 429, 30]);
    expect(rateLimit).toMatchObject({ limit: 100, remaining: 0 });
    expect(memory.tokensOf(ada.documentId)).toBe(120);
    // A turn that is rejected for its tokens is not counted.
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
  ])('count the usage %j of a whole answer as %d', async (usage, tokens) => {
    const { admit, memory } = limitsWith({}, { tokensPerDay: 100 });
    await admit(ada).spend(spent({ usage }));
    expect(memory.tokensOf(ada.documentId)).toBe(tokens);
  });

  it.each<[string, Partial<SpentTokens>]>([
    ['a stopped answer without a usage', { outcome: 'stopped' }],
    ['a stopped answer with the usage of Dify 1.x', { outcome: 'stopped', usage: { total_tokens: 0 } }],
    ['an answer that broke off', { outcome: 'interrupted' }],
    ['a failed answer with text', { outcome: 'failed' }],
    ['a whole answer of a server that reports no usage', {}],
  ])('count an estimate of %s', async (_name, changes) => {
    const { admit, memory } = limitsWith({}, { tokensPerDay: 100 });
    const texts = ['You are Ada.', 'Who?', 'Half an answer'];
    await admit(ada).spend(spent({ texts, ...changes }));
    expect(memory.tokensOf(ada.documentId)).toBe(4 + 4 + 4 + 2 + 4 + 5);
    await admit(bob).spend(spent({ texts: [], ...changes }));
    expect(memory.tokensOf(bob.documentId)).toBe(0);
  });

  it('are logged if they cannot be counted, and do not fail the turn', async () => {
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
    await admit(ada).spend(spent({ usage: { total_tokens: 5 } }));
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

  it('start, are saved and call Dify only up to the limit, out of 100 parallel questions', async () => {
    const { ask, store, live } = harness({ limits: { turnsAtOnce: 3 } });
    const settled = await Promise.allSettled(Array.from({ length: 100 }, () => ask()));
    await live.idle();
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(store.turns()).toHaveLength(3);
    expect(dify.requests.filter(({ path }) => path === '/v1/chat-messages')).toHaveLength(3);
  });

  it('allow the next question as soon as the end is sent', async () => {
    const { ask } = harness({ limits: { turnsAtOnce: 1 } });
    for (let times = 0; times < 3; times += 1) {
      const turn = await ask();
      expect(await codeOf(ask())).toBe('too-many-turns');
      await turn.ended;
    }
  });

  it('allow the next question if saving the question failed', async () => {
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

  it('do not count a question that is rejected for another reason', async () => {
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

  it('report what is wrong with a question even over the limit per minute', async () => {
    const { ask, live } = harness({ counters: createMemoryCounters({ turnsPerMinute: 1 }) });
    await ask();
    expect(await codeOf(ask({ characterId: 'nobody' }))).toBe('character-not-found');
    expect(await codeOf(ask({ session: { sessionId: 'nowhere' } }))).toBe('session-not-found');
    expect(await codeOf(ask())).toBe('rate-limited');
    await live.idle();
  });

  it('return the remaining number of the minute with each turn', async () => {
    const { ask, live } = harness({ counters: createMemoryCounters({ turnsPerMinute: 2 }) });
    expect((await ask()).rateLimit).toMatchObject({ limit: 2, remaining: 1 });
    expect((await ask()).rateLimit).toMatchObject({ limit: 2, remaining: 0 });
    await live.idle();
  });

  it('count the tokens of an answer before its end is sent, also if it is stopped', async () => {
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

  it('send no end while the tokens of the answer are being counted', async () => {
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

  it('reject a question over the daily token limit, and save nothing', async () => {
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
