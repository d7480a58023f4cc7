import { fromNanos, toNanos } from '../../../src/history/records/price';

describe('prices', () => {
  it.each([
    ['0', 0, '0'],
    ['0.0012', 1_200_000, '0.0012'],
    ['12', 12_000_000_000, '12'],
    ['1.000000001', 1_000_000_001, '1.000000001'],
    ['0.0000000004', 0, '0'],
    ['0.0000000005', 1, '0.000000001'],
    ['1e-7', 100, '0.0000001'],
    ['2.5E+3', 2_500_000_000_000, '2500'],
    [' 0.10 ', 100_000_000, '0.1'],
  ])('convert %s to %d billionths, and back to %s', (text, nanos, shown) => {
    expect(toNanos(text)).toBe(nanos);
    expect(fromNanos(BigInt(nanos))).toBe(shown);
  });

  it.each(['', 'free', '-1', '1,5', '.5', '0x10', 'Infinity', 'NaN', '9007199.254740992', '1e99'])(
    'return null for the invalid price %j',
    (text) => {
      expect(toNanos(text)).toBeNull();
    },
  );

  it('stay exact beyond the safe integer range', () => {
    expect(fromNanos(9_007_199_254_740_993n * 1_000n)).toBe('9007199254.740993');
  });
});
