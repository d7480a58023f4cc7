/** A day of a time zone, as a range of time. It has 23 or 25 hours when the clocks change. */
export interface Day {
  /** `2026-03-29` */
  readonly date: string;
  readonly startMs: number;
  /** Excluded. */
  readonly endMs: number;
}

export interface Calendar {
  dateAt(ms: number): string;
  /** Returns the days from one date to another, both included. A day that the time zone skipped has no length. */
  days(from: string, to: string): readonly Day[];
}

const hourMs = 3_600_000;
/** No time zone differs by less. The sums of the history cover the same length. */
const stepMs = hourMs / 4;
const dayMs = 24 * hourMs;

/**
 * @returns undefined if the text names no time zone. Offsets are refused, because they can have any number of minutes.
 */
export function createCalendar(timeZone: string): Calendar | undefined {
  const format = createFormat(timeZone);
  return format && { dateAt, days };

  function dateAt(ms: number): string {
    const parts = new Map(format?.formatToParts(ms).map(({ type, value }) => [type, value]));
    const [year = '', month = '', day = ''] = (['year', 'month', 'day'] as const).map((type) =>
      parts.get(type),
    );
    return `${year.padStart(4, '0')}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  }

  function days(from: string, to: string): Day[] {
    const all: Day[] = [];
    let startMs = findStart(from);
    for (let date = from; date <= to; date = addDays(date, 1)) {
      const endMs = findStart(addDays(date, 1), startMs + dayMs);
      all.push({ date, startMs, endMs });
      startMs = endMs;
    }
    return all;
  }

  /**
   * Finds the start of a day. It is not always midnight, because some time zones change their clocks then. The
   * formatter is slow, and a correct guess saves most calls.
   */
  function findStart(date: string, guess?: number): number {
    const isBefore = (ms: number) => dateAt(ms) < date;
    if (guess !== undefined && isBefore(guess - stepMs) && !isBefore(guess)) return guess;
    // No place is more than fourteen hours from UTC.
    let [low, high] = [Date.parse(date) - 16 * hourMs, Date.parse(date) + 16 * hourMs];
    while (high - low > stepMs) {
      const middle = low + Math.floor((high - low) / 2 / stepMs) * stepMs;
      if (isBefore(middle)) low = middle;
      else high = middle;
    }
    return high;
  }
}

function createFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!/^[a-z][\w/+-]{0,63}$/iu.test(timeZone)) return undefined;
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    });
  } catch {
    return undefined;
  }
}

/** Returns true if both names mean the same time zone, e.g. `UTC` and `Etc/UTC`. */
export function isSameTimeZone(one: string, other: string): boolean {
  return one === other || canonical(one) === canonical(other);
}

function canonical(timeZone: string): string | undefined {
  return createFormat(timeZone)?.resolvedOptions().timeZone;
}

/** Adds days to a date, without a time zone. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10);
}

/** Counts the days from one date to another, both included. */
export function countDays(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / dayMs + 1;
}
