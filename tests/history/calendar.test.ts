import { addDays, countDays, createCalendar, type Calendar } from '../../src/history/calendar';

function calendarOf(timeZone: string): Calendar {
  const calendar = createCalendar(timeZone);
  if (calendar === undefined) throw new Error(`There is no time zone ${timeZone}.`);
  return calendar;
}

const lengths = (timeZone: string, from: string, to: string) =>
  calendarOf(timeZone)
    .days(from, to)
    .map(({ startMs, endMs }) => (endMs - startMs) / 3_600_000);

describe('createCalendar', () => {
  it('returns days of 24 hours in UTC', () => {
    expect(calendarOf('UTC').days('2026-02-27', '2026-03-01')).toEqual(
      ['2026-02-27', '2026-02-28', '2026-03-01'].map((date) => ({
        date,
        startMs: Date.parse(date),
        endMs: Date.parse(date) + 86_400_000,
      })),
    );
  });

  it('starts a day at local midnight of the time zone', () => {
    const [day] = calendarOf('Asia/Shanghai').days('2026-01-15', '2026-01-15');
    expect(new Date(day?.startMs ?? 0).toISOString()).toBe('2026-01-14T16:00:00.000Z');
    const [other] = calendarOf('Asia/Kathmandu').days('2026-01-15', '2026-01-15');
    expect(new Date(other?.startMs ?? 0).toISOString()).toBe('2026-01-14T18:15:00.000Z');
  });

  it.each([
    ['Europe/Berlin', '2026-03-28', [24, 23, 24]],
    ['Europe/Berlin', '2026-10-24', [24, 25, 24]],
    ['America/New_York', '2026-03-07', [24, 23, 24]],
    ['America/New_York', '2026-10-31', [24, 25, 24]],
    ['Australia/Lord_Howe', '2026-04-04', [24, 24.5, 24]],
    ['Australia/Lord_Howe', '2026-10-03', [24, 23.5, 24]],
    // These zones change their clocks at midnight: the day begins at one o'clock, or repeats its last hour.
    ['Africa/Cairo', '2026-04-23', [24, 23, 24]],
    ['America/Sao_Paulo', '2018-11-03', [24, 23, 24]],
    ['America/Sao_Paulo', '2019-02-15', [24, 25, 24]],
    // Clocks go back at midnight, or to it: the day begins at the first of two midnights.
    ['America/Havana', '2026-10-31', [24, 25, 24]],
    ['Atlantic/Azores', '2026-10-24', [24, 25, 24]],
    ['Asia/Amman', '2019-10-24', [24, 25, 24]],
    // Apia crossed the date line: this day did not exist there.
    ['Pacific/Apia', '2011-12-29', [24, 0, 24]],
  ])('returns the length of a day with a clock change in %s after %s', (timeZone, from, expected) => {
    expect(lengths(timeZone, from, addDays(from, 2))).toEqual(expected);
  });

  it('covers every moment exactly once in every time zone', () => {
    for (const timeZone of Intl.supportedValuesOf('timeZone')) {
      const { days, dateAt } = calendarOf(timeZone);
      const year = days('2026-01-01', '2026-12-31');
      const gaps = year.slice(1).filter(({ startMs }, index) => startMs !== year[index]?.endMs);
      const wrong = year.filter(({ date, startMs }) => date.endsWith('-28') && dateAt(startMs) !== date);
      expect([timeZone, year.length, gaps, wrong]).toEqual([timeZone, 365, [], []]);
    }
  });

  it.each(['', 'Mars/Olympus', '+05:30', '-03:00', 'Europe/Berlin; drop', 'a'.repeat(65), '../etc'])(
    'returns undefined for the invalid time zone %j',
    (timeZone) => {
      expect(createCalendar(timeZone)).toBeUndefined();
    },
  );
});

describe('addDays and countDays', () => {
  it('count across months, years and leap days', () => {
    expect(addDays('2024-02-28', 2)).toBe('2024-03-01');
    expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
    expect(countDays('2024-01-01', '2024-12-31')).toBe(366);
    expect(countDays('2026-01-02', '2026-01-01')).toBe(0);
  });
});
