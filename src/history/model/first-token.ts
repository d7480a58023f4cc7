/**
 * A histogram of times to the first token. Its bins add up over days, characters and models, unlike percentiles. A bin
 * is named by its lowest time in milliseconds.
 */

/** Times above this are in the last bin, which has no upper bound. */
const lastBinMs = 3_600_000;

/** The lowest times of all bins. No bin is wider than a tenth of its lowest time, except those of one millisecond. */
export const firstTokenBins: readonly number[] = (() => {
  const bins = [0];
  for (let last = 0; last < lastBinMs;) {
    last = Math.max(last + 1, Math.floor(last * 1.1));
    bins.push(last);
  }
  return bins;
})();

/** Returns the bin of a time. */
export function binOf(ms: number): number {
  let [low, high] = [0, firstTokenBins.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((firstTokenBins[middle] ?? Infinity) <= ms) low = middle;
    else high = middle;
  }
  return firstTokenBins[low] ?? 0;
}

/**
 * Returns the time that this share of the counted times does not exceed, e.g. 0.5 for the median. It is the middle of
 * its bin, so it differs from the exact time by at most 5 %. Null if nothing is counted.
 */
export function quantileOf(counts: ReadonlyMap<number, number>, share: number): number | null {
  const bins = [...counts].filter(([, count]) => count > 0).sort(([one], [other]) => one - other);
  const total = bins.reduce((sum, [, count]) => sum + count, 0);
  let left = Math.ceil(total * share);
  for (const [bin, count] of bins) {
    left -= count;
    if (left <= 0) return middleOf(bin);
  }
  return null;
}

function middleOf(bin: number): number {
  const next = firstTokenBins[firstTokenBins.indexOf(bin) + 1];
  return next === undefined ? bin : (bin + next - 1) / 2;
}
