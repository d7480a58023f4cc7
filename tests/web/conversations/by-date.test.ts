import { groupByAge } from '../../../web/conversations/by-date';

const now = new Date(2026, 5, 20, 12);
const daysAgo = (days: number) => {
  const date = new Date(now);
  date.setDate(date.getDate() - days);
  return { last_message_at: date.toISOString() };
};

describe('groupByAge', () => {
  it('groups conversations by the local day of their last message, without empty groups', () => {
    const groups = groupByAge([0, 1, 2, 7, 8, 31].map(daysAgo), now);
    expect(groups.map(({ age, sessions }) => [age, sessions.length])).toEqual([
      ['today', 1],
      ['yesterday', 1],
      ['lastWeek', 2],
      ['lastMonth', 1],
      ['older', 1],
    ]);
  });

  it('counts a message one minute before midnight as yesterday', () => {
    const last_message_at = new Date(2026, 5, 19, 23, 59).toISOString();
    expect(groupByAge([{ last_message_at }], now)[0]?.age).toBe('yesterday');
  });
});
