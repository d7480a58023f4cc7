import { LRUCache } from 'lru-cache';

import { addDays, createCalendar, type Day as Range } from '../calendar';

/** A day of the store's time zone, as `2025-01-15`. */
export type Day = string;

/** The days of the store's time zone. Tables are named after them. */
export interface Days {
  of(timeMs: number): Day;
  /** @throws RangeError if the day does not exist. */
  startOf(day: Day): number;
  /** Excluded. It is also the start of the next day. */
  endOf(day: Day): number;
}

/** No time zone differs by less, so a day begins with a quarter of an hour. */
export const quarterHourMs = 900_000;

/** @throws RangeError if the text names no time zone. */
export function createDays(timeZone: string): Days {
  const calendar = createCalendar(timeZone);
  if (calendar === undefined) throw new RangeError('This is not the name of a time zone.');
  // Each question to the calendar formats dates, which is slow.
  const ofQuarters = new LRUCache<number, Day>({ max: 4_000 });
  const ranges = new LRUCache<Day, Range>({ max: 1_000 });

  const rangeOf = (day: Day): Range => {
    const cached = ranges.get(day);
    if (cached !== undefined) return cached;
    const [range] = isDay(day) ? calendar.days(day, day) : [];
    if (range === undefined) throw new RangeError('A day is written as 2025-01-15.');
    ranges.set(day, range);
    return range;
  };

  return {
    of(timeMs) {
      const quarter = Math.floor(timeMs / quarterHourMs);
      const cached = ofQuarters.get(quarter);
      if (cached !== undefined) return cached;
      const day = calendar.dateAt(quarter * quarterHourMs);
      ofQuarters.set(quarter, day);
      return day;
    },
    startOf: (day) => rangeOf(day).startMs,
    endOf: (day) => rangeOf(day).endMs,
  };
}

function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/u.test(text) && !Number.isNaN(Date.parse(text)) && addDays(text, 0) === text;
}

/** Returns the end of a table's name: `2025_01_15`. */
export function suffixOf(day: Day): string {
  return day.replaceAll('-', '_');
}

/** Returns the day in a name such as `conversation_histories_2025_01_15`; null if it has none. */
export function dayIn(name: string): Day | null {
  const match = /_(\d{4})_(\d\d)_(\d\d)$/u.exec(name);
  return match === null ? null : match.slice(1).join('-');
}
