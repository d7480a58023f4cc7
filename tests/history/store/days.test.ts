import { createDays, dayIn, suffixOf } from '../../../src/history/store/days';

const at = (time: string) => Date.parse(time);
const hourMs = 3_600_000;

describe('createDays', () => {
  it('returns days of UTC', () => {
    const days = createDays('UTC');

    expect(days.of(at('2025-01-15T00:00:00.000Z'))).toBe('2025-01-15');
    expect(days.of(at('2025-01-14T23:59:59.999Z'))).toBe('2025-01-14');
    expect([days.startOf('2025-01-15'), days.endOf('2025-01-15')]).toEqual([
      at('2025-01-15T00:00Z'),
      at('2025-01-16T00:00Z'),
    ]);
  });

  it('returns days that begin at midnight of a time zone', () => {
    const days = createDays('Asia/Kathmandu');

    expect(days.of(at('2025-01-14T18:14:59.999Z'))).toBe('2025-01-14');
    expect(days.of(at('2025-01-14T18:15:00.000Z'))).toBe('2025-01-15');
    expect(days.startOf('2025-01-15')).toBe(at('2025-01-14T18:15Z'));
  });

  it('returns days of 23 and 25 hours when the clocks change', () => {
    const days = createDays('America/New_York');
    const hoursOf = (day: string) => (days.endOf(day) - days.startOf(day)) / hourMs;

    expect(['2025-03-08', '2025-03-09', '2025-11-02'].map(hoursOf)).toEqual([24, 23, 25]);
    for (const day of ['2025-03-09', '2025-11-02']) {
      expect([days.startOf(day), days.endOf(day) - 1].map(days.of)).toEqual([day, day]);
      expect(days.of(days.startOf(day) - 1) < day).toBe(true);
      expect(days.of(days.endOf(day)) > day).toBe(true);
    }
  });

  it('gives no length to a day that the time zone skipped', () => {
    const days = createDays('Pacific/Apia');

    expect(days.startOf('2011-12-30')).toBe(days.endOf('2011-12-30'));
    expect(days.of(days.startOf('2011-12-30'))).toBe('2011-12-31');
  });

  it.each(['2025-1-15', '2025-02-30', '', 'today'])('throws for %p, which is no day', (text) => {
    expect(() => createDays('UTC').startOf(text)).toThrow('A day is written as 2025-01-15.');
  });

  it('throws for a name of no time zone', () => {
    expect(() => createDays('Mars/Olympus')).toThrow(RangeError);
  });
});

describe('names of tables', () => {
  it('contain the day', () => {
    expect(suffixOf('2025-01-15')).toBe('2025_01_15');
    expect(dayIn('conversation_histories_2025_01_15')).toBe('2025-01-15');
    expect(dayIn('conversation_histories_part_2025_01')).toBeNull();
  });
});
