import { binOf, firstTokenBins, quantileOf } from '../../../src/history/model/first-token';
import { createRandom } from '../../faults/support/random';

describe('the bins of times to the first token', () => {
  it('contain every time in one bin, which is at most a tenth wide', () => {
    for (const [index, bin] of firstTokenBins.slice(0, -1).entries()) {
      const next = firstTokenBins[index + 1] ?? 0;
      expect([binOf(bin), binOf(next - 1)]).toEqual([bin, bin]);
      expect(next - bin).toBeLessThanOrEqual(Math.max(1, bin * 0.1));
    }
    expect(binOf(10_000_000)).toBe(firstTokenBins.at(-1));
  });
});

describe('quantileOf', () => {
  it.each([0.5, 0.95])('differs from the exact quantile %d by at most 5 %%', (share) => {
    const random = createRandom(5);
    const times = Array.from({ length: 1_001 }, () => Math.floor(Math.exp(random.next() * 14)));
    const counts = new Map<number, number>();
    for (const time of times) counts.set(binOf(time), (counts.get(binOf(time)) ?? 0) + 1);
    const exact = times.sort((one, other) => one - other)[Math.ceil(times.length * share) - 1] ?? 0;

    expect(Math.abs((quantileOf(counts, share) ?? Infinity) - exact)).toBeLessThanOrEqual(exact * 0.05);
  });

  it('is null if nothing is counted', () => {
    expect(quantileOf(new Map(), 0.5)).toBeNull();
  });
});
