import { ChatError, refusal } from '../errors';
import type { DayCounter } from '../ports/users/user-counters';
import type { NewMessage } from '../model/message';

/** Limits how many characters the server stores for each user in a day. */
export interface TextAllowance {
  /** Takes characters from the user's day. @throws ChatError `text-limit-reached` if fewer are left. */
  take(userDocumentId: string, chars: number): Promise<void>;
  /** Refunds characters that the server did not store after all. */
  refund(userDocumentId: string, chars: number): void;
}

/** The size of a row without its text, in characters. Rows without text fill a disk, too. */
const charsOfRow = 500;

/** Returns how many characters it takes to store a text in `rows` new rows. */
export function storedChars(text: string, rows = 1): number {
  return rows * (text.length + charsOfRow);
}

/** Returns how many characters it takes to store a message of a session. */
export function storedCharsOf({ content, toolCalls }: NewMessage): number {
  return storedChars(toolCalls === null ? content : content + JSON.stringify(toolCalls));
}

/**
 * A process collects this many characters of a user before it adds them to the counter in the database. So few writes
 * need another statement. With each process, a user can exceed the limit by this many characters.
 */
const charsTogether = 50_000;

/** The size of the cache, in users. Beyond it, the process drops the oldest user and adds their rest to the counter. */
const maxUsers = 10_000;

/** The day of one user, as this process knows it. */
interface Day {
  /** Characters of the day that are still free. */
  left: number;
  /** Characters that this process has taken but not yet added to the counter. */
  uncounted: number;
  /** Characters that this process has taken and is adding to the counter now. */
  counting: number;
  readonly resetAtMs: number;
}

/** @param counter null if text has no limit. */
export function createTextAllowance(counter: DayCounter | null): TextAllowance {
  if (counter === null) return { take: () => Promise.resolve(), refund: () => undefined };
  const { read, add } = counter;
  const days = new Map<string, Day>();
  return {
    async take(user, chars) {
      const day = findDay(user) ?? (await readDay(user));
      // Read the counter again: the operator may have emptied the table.
      if (day.left < chars) await assertLeft(user, day, chars);
      day.left -= chars;
      day.uncounted += chars;
      if (day.uncounted >= charsTogether) await count(user, day);
    },
    refund(user, chars) {
      const day = findDay(user);
      if (day === undefined) return;
      day.left += chars;
      day.uncounted -= chars;
    },
  };

  function findDay(user: string): Day | undefined {
    const day = days.get(user);
    return day !== undefined && day.resetAtMs > Date.now() ? day : undefined;
  }

  async function readDay(user: string): Promise<Day> {
    const { remaining, resetAtMs } = await read(user);
    // A concurrent call may have cached the day in the meantime. Its entry may already hold taken characters.
    const known = findDay(user);
    if (known !== undefined) return known;
    const day: Day = { left: remaining, uncounted: 0, counting: 0, resetAtMs };
    days.delete(user);
    days.set(user, day);
    if (days.size > maxUsers) forgetFirst();
    return day;
  }

  async function assertLeft(user: string, day: Day, chars: number): Promise<void> {
    const rateLimit = await read(user);
    day.left = rateLimit.remaining - day.uncounted - day.counting;
    if (day.left >= chars) return;
    throw new ChatError('text-limit-reached', refusal({ ...rateLimit, remaining: Math.max(0, day.left) }));
  }

  async function count(user: string, day: Day): Promise<void> {
    const chars = day.uncounted;
    day.uncounted = 0;
    day.counting += chars;
    try {
      const { remaining } = await add(user, chars);
      day.counting -= chars;
      day.left = Math.min(day.left, remaining - day.uncounted - day.counting);
    } catch (error) {
      day.counting -= chars;
      day.uncounted += chars;
      throw error;
    }
  }

  function forgetFirst(): void {
    for (const [user, day] of days) {
      days.delete(user);
      // If this fails, the characters are not counted. The same happens when the process ends.
      if (day.uncounted > 0 && day.resetAtMs > Date.now())
        void add(user, day.uncounted).catch(() => undefined);
      return;
    }
  }
}
