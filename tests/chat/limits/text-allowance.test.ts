import type { ChatError } from '../../../src/chat/errors';
import { createTextAllowance, storedChars, storedCharsOf } from '../../../src/chat/limits/text-allowance';
import { settle, thrown } from '../support/collect';
import { createMemoryCounters } from '../support/memory-counters';

const together = 50_000;

function harness(charsPerDay: number, resetAtMs?: () => number) {
  const counters = createMemoryCounters({ charsPerDay, ...(resetAtMs !== undefined && { resetAtMs }) });
  const { charsPerDay: counter } = counters;
  if (counter === null) throw new Error('There is no limit.');
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

it('a day is read once, and told of many writes together', async () => {
  const { take, told, reads } = harness(10_000_000);
  for (let times = 0; times < 100; times += 1) await take('ada', 1_000);
  expect(told).toEqual([together, together]);
  expect(reads()).toBe(1);
});

it('no more is taken than the day has, however many ask at the same time', async () => {
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

it('two processes take together at most what each has yet to tell beyond the limit', async () => {
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

it('what is given back can be taken again', async () => {
  const { take, refund } = harness(1_000);
  await take('ada', 1_000);
  expect(await codeOf(take('ada', 1))).toBe('text-limit-reached');
  refund('ada', 400);
  refund('bob', 400);
  await take('ada', 400);
});

it('a day that has passed is read anew', async () => {
  const { take, reads } = harness(1_000, () => Date.now() - 1);
  for (let times = 0; times < 3; times += 1) await take('ada', 600);
  expect(reads()).toBe(3);
});

it('a database that has been emptied is believed before anybody is refused', async () => {
  const { take, counter } = harness(100_000);
  await take('ada', 60_000);
  await counter.add('ada', -60_000);
  await take('ada', 60_000);
});

it('what cannot be told is refused, and told with the next', async () => {
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

it('many users are known at the same time, and of one that is forgotten the rest is told', async () => {
  const { take, counters } = harness(1_000_000);
  await take('first', 123);
  for (let index = 0; index < 10_000; index += 1) await take(`user ${index}`, 1);
  await settle();
  expect(counters.charsOf('first')).toBe(123);
  expect(counters.charsOf('user 9999')).toBe(0);
});

it('a row counts beside its text', () => {
  expect(storedChars('')).toBe(500);
  expect(storedChars('Hello', 2)).toBe(1_010);
  expect(storedCharsOf({ role: 'user', content: 'Hello', toolCalls: null })).toBe(505);
  expect(storedCharsOf({ role: 'tool', content: '', toolCalls: [{ id: 'x' }] })).toBe(500 + 12);
});
