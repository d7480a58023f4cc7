import { compareRounds, median, quantile, shuffled, spreadOf } from '../../bench/support/statistics';

describe('statistics', () => {
  it('median returns the middle value, or the mean of the two middle values', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 6])).toBe(5.5);
    expect(median([])).toBeNaN();
  });

  it('quantile returns one of the measured values', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

    expect(quantile(hundred, 0.5)).toBe(50);
    expect(quantile(hundred, 0.99)).toBe(99);
    expect(quantile(hundred, 1)).toBe(100);
    expect(quantile([7], 0.001)).toBe(7);
  });

  it('median and quantile do not change the order of their input', () => {
    const values = [3, 1, 2];
    quantile(values, 0.5);
    median(values);

    expect(values).toEqual([3, 1, 2]);
  });

  it('spreadOf returns median, minimum and maximum, or null without rounds', () => {
    expect(spreadOf([3, 1, 8])).toEqual({ median: 3, min: 1, max: 8, rounds: 3 });
    expect(spreadOf([])).toBeNull();
  });

  it('compareRounds compares within a round, so that a slow round changes nothing', () => {
    const rounds = [
      { ours: 20, peer: 10 },
      { ours: 200, peer: 100 },
    ];

    expect(compareRounds(rounds, { target: 'ours', against: 'peer', operation: 'ratio' })).toEqual([2, 2]);
    expect(compareRounds(rounds, { target: 'ours', against: 'peer', operation: 'difference' })).toEqual([
      10, 100,
    ]);
    expect(compareRounds(rounds, { target: 'ours', against: undefined, operation: 'value' })).toEqual([
      20, 200,
    ]);
  });

  it('compareRounds skips a round in which one of the two failed', () => {
    const rounds = [{ ours: 20 }, { peer: 10 }, { ours: 30, peer: 10 }];

    expect(compareRounds(rounds, { target: 'ours', against: 'peer', operation: 'ratio' })).toEqual([3]);
  });

  it('shuffled keeps every item', () => {
    const items = [1, 2, 3, 4, 5];

    expect(shuffled(items, () => 0)).not.toEqual(items);
    expect(shuffled(items).sort()).toEqual(items);
  });
});
