import type { ChatError } from '../../../src/chat/errors';
import { createTextAllowance } from '../../../src/chat/limits/text-allowance';
import { createWriteLimits } from '../../../src/chat/limits/write-limits';
import { thrown } from '../support/collect';
import { ada, bob } from '../support/fixtures';
import { createMemoryCounters, type MemoryCountersOptions } from '../support/memory-counters';

function limitsWith(counted: MemoryCountersOptions) {
  const counters = createMemoryCounters(counted);
  const { count } = createWriteLimits({ counters, text: createTextAllowance(counters.charsPerDay) });
  const refusal = async (...write: Parameters<typeof count>) => (await thrown(count(...write))) as ChatError;
  return { count, refusal, counters };
}

it('the writes of a user per minute are limited, and rejected with the limit and a retry delay', async () => {
  const { count, refusal } = limitsWith({ writesPerMinute: 2 });
  await count(ada);
  await count(ada);
  const { code, status, message, retryAfterSeconds, rateLimit } = await refusal(ada);
  expect([code, status]).toEqual(['rate-limited', 429]);
  expect(message).not.toContain('question');
  expect(rateLimit).toMatchObject({ limit: 2, remaining: 0 });
  expect(retryAfterSeconds).toBeGreaterThan(25);
  await count(bob);
});

it('a rejected write does not count as text of the day', async () => {
  const { count, refusal, counters } = limitsWith({ writesPerMinute: 1, charsPerDay: 1_000_000 });
  await count(ada, 60_000);
  expect((await refusal(ada, 60_000)).code).toBe('rate-limited');
  expect(counters.charsOf(ada.documentId)).toBe(60_000);
});

it('the text of a user per day is limited for all writes together', async () => {
  const { count, refusal } = limitsWith({ charsPerDay: 1_000 });
  await count(ada, 600);
  const { code, status, rateLimit } = await refusal(ada, 401);
  expect([code, status]).toEqual(['text-limit-reached', 429]);
  expect(rateLimit).toMatchObject({ limit: 1_000, remaining: 400 });
  await count(ada, 400);
  await count(ada);
  await count(bob, 1_000);
});

it('no write is rejected without a limit', async () => {
  const { count } = limitsWith({});
  for (let times = 0; times < 1_000; times += 1) await count(ada, 1_000_000);
});
