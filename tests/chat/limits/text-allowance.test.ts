import type { ChatError } from '../../../src/chat/errors';
import { createTextAllowance, storedChars, storedCharsOf } from '../../../src/chat/limits/text-allowance';
import { settle, thrown } from '../support/collect';
import { createMemoryCounters } from '../support/memory-counters';

const together = 50_000;

function harness(charsPerDay: number, resetAtMs?: () => number) {
  const counters = createMemoryCounters({ charsPerDay, ...(resetAtMs !== undefined && { resetAtMs }) });
  const { charsPerDay: counter } = counters;
  if (counter === null) throw new Error('No limit is set.');
  const told: number[] = [];
  let reads = 0;
  const counting = {
    read: (user: string) => {
      reads += 1;
      return counter.read(user);
    },
    add: (user: string, chars: number) => {
      told.push(chars);
      return counter.add(user, chars);
    },
  };
  const start = () => createTextAllowance(counting);
  return { ...start(), start, counter, counters, counting, told, reads: () => reads };
}

const codeOf = async (taking: Promise<void>) => ((await thrown(taking)) as ChatError).code;

it('a text allowance reads the day once, and counts many writes together', async () => {
  const { take, told, reads } = harness(10_000_000);
  for (let times = 0; times < 100; times += 1) await take('ada', 1_000);
  expect(told).toEqual([together, together]);
  expect(reads()).toBe(1);
});

it('a text allowance never exceeds the daily limit with many parallel callers', async () => {
  const { take } = harness(1_000_000);
  const taken = await Promise.all(
    Array.from({ length: 200 }, () =>
      take('ada', 20_000).then(
        () => 20_000,
        () => 0,
      ),
    ),
  );
  expect(taken.reduce((sum: number, chars) => sum + chars, 0)).toBe(1_000_000);
});

it('two processes exceed the limit at most by the text that each has not counted yet', async () => {
  const { start } = harness(1_000_000);
  const processes = [start(), start()];
  let sum = 0;
  for (let index = 0; index < 2_000; index += 1) {
    await processes[index % 2]?.take('ada', 2_000).then(
      () => (sum += 2_000),
      () => undefined,
    );
  }
  expect(sum).toBeGreaterThanOrEqual(1_000_000);
  expect(sum).toBeLessThanOrEqual(1_000_000 + 2 * together);
});

it('a text allowance accepts refunded text again', async () => {
  const { take, refund } = harness(1_000);
  await take('ada', 1_000);
  expect(await codeOf(take('ada', 1))).toBe('text-limit-reached');
  refund('ada', 400);
  refund('bob', 400);
  await take('ada', 400);
});

it('a text allowance reads the counter again when the day has passed', async () => {
  const { take, reads } = harness(1_000, () => Date.now() - 1);
  for (let times = 0; times < 3; times += 1) await take('ada', 600);
  expect(reads()).toBe(3);
});

it('a text allowance reads the counter again before it rejects a user', async () => {
  const { take, counter } = harness(100_000);
  await take('ada', 60_000);
  await counter.add('ada', -60_000);
  await take('ada', 60_000);
});

it('a text allowance rejects a write that it cannot count, and counts it with the next one', async () => {
  const { counting, counter } = harness(1_000_000);
  let isAway = true;
  const { take } = createTextAllowance({
    read: counting.read,
    add: (user, chars) => (isAway ? Promise.reject(new Error('away')) : counting.add(user, chars)),
  });
  expect(String(await thrown(take('ada', together)))).toContain('away');
  isAway = false;
  await take('ada', 1);
  expect((await counter.read('ada')).remaining).toBe(1_000_000 - together - 1);
});

it('a text allowance caches many users, and counts the rest of an evicted user', async () => {
  const { take, counters } = harness(1_000_000);
  await take('first', 123);
  for (let index = 0; index < 10_000; index += 1) await take(`user ${index}`, 1);
  await settle();
  expect(counters.charsOf('first')).toBe(123);
  expect(counters.charsOf('user 9999')).toBe(0);
});

it('storedChars counts the row in addition to its text', () => {
  expect(storedChars('')).toBe(500);
  expect(storedChars('Hello', 2)).toBe(1_010);
  expect(storedCharsOf({ role: 'user', content: 'Hello', toolCalls: null })).toBe(505);
  expect(storedCharsOf({ role: 'tool', content: '', toolCalls: [{ id: 'x' }] })).toBe(500 + 12);
});
