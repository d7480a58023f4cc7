import { ChatError, refusal } from '../errors';
import type { DayCounter } from '../ports/user-counters';
import type { NewMessage } from '../model/message';

/** How many characters each user may have stored in a day. */
export interface TextAllowance {
  /** Takes so many of the day's. @throws ChatError `text-limit-reached` unless there are as many left. */
  take(userDocumentId: string, chars: number): Promise<void>;
  /** They are not stored after all. */
  refund(userDocumentId: string, chars: number): void;
}

/** What a row takes beside its text, in characters: rows without a word fill a disk, too. */
const charsOfRow = 500;

/** What it takes to store a text in so many new rows. */
export function storedChars(text: string, rows = 1): number {
  return rows * (text.length + charsOfRow);
}

/** The same for a line of a session. */
export function storedCharsOf({ content, toolCalls }: NewMessage): number {
  return storedChars(toolCalls === null ? content : content + JSON.stringify(toolCalls));
}

/**
 * So many of a user's are noted here before the database is told of them. With each process a user can go over the limit
 * by as many, and few writes cost a statement more.
 */
const charsTogether = 50_000;

/** Users whose day is known here. Of the one who was known first, the rest is told when there are more. */
const maxUsers = 10_000;

/** A user's day, as far as this process knows it. */
interface Day {
  /** Of the day's, those that nobody has taken. */
  left: number;
  /** Taken here, and noted here alone. */
  untold: number;
  /** Taken here, and on their way to the database. */
  telling: number;
  readonly resetAtMs: number;
}

/** @param counter null where text has no limit. */
export function createTextAllowance(counter: DayCounter | null): TextAllowance {
  if (counter === null) return { take: () => Promise.resolve(), refund: () => undefined };
  const { read, add } = counter;
  const days = new Map<string, Day>();
  return {
    async take(user, chars) {
      const day = findDay(user) ?? (await readDay(user));
      // It may be that the operator has emptied the table.
      if (day.left < chars) await assertLeft(user, day, chars);
      day.left -= chars;
      day.untold += chars;
      if (day.untold >= charsTogether) await tell(user, day);
    },
    refund(user, chars) {
      const day = findDay(user);
      if (day === undefined) return;
      day.left += chars;
      day.untold -= chars;
    },
  };

  function findDay(user: string): Day | undefined {
    const day = days.get(user);
    return day !== undefined && day.resetAtMs > Date.now() ? day : undefined;
  }

  async function readDay(user: string): Promise<Day> {
    const { remaining, resetAtMs } = await read(user);
    // Somebody else has read it meanwhile, and has noted what was taken since.
    const known = findDay(user);
    if (known !== undefined) return known;
    const day: Day = { left: remaining, untold: 0, telling: 0, resetAtMs };
    days.delete(user);
    days.set(user, day);
    if (days.size > maxUsers) forgetFirst();
    return day;
  }

  async function assertLeft(user: string, day: Day, chars: number): Promise<void> {
    const rateLimit = await read(user);
    day.left = rateLimit.remaining - day.untold - day.telling;
    if (day.left >= chars) return;
    throw new ChatError('text-limit-reached', refusal({ ...rateLimit, remaining: Math.max(0, day.left) }));
  }

  async function tell(user: string, day: Day): Promise<void> {
    const chars = day.untold;
    day.untold = 0;
    day.telling += chars;
    try {
      const { remaining } = await add(user, chars);
      day.telling -= chars;
      day.left = Math.min(day.left, remaining - day.untold - day.telling);
    } catch (error) {
      day.telling -= chars;
      day.untold += chars;
      throw error;
    }
  }

  function forgetFirst(): void {
    for (const [user, day] of days) {
      days.delete(user);
      // What cannot be told is lost, as it is when the process ends.
      if (day.untold > 0 && day.resetAtMs > Date.now()) void add(user, day.untold).catch(() => undefined);
      return;
    }
  }
}
