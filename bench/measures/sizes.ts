import type { Options } from '../options';

/** The amounts of one round. */
export interface Sizes {
  readonly pacedStreams: number;
  readonly pacedMs: number;
  readonly bursts: number;
  readonly turns: number;
  readonly singles: number;
  readonly rush: number;
  readonly held: number;
  readonly heldRounds: number;
  /** Number of rows of the smallest, the middle and, if the disk is large enough, the largest database. */
  readonly rows: readonly [number, number] | readonly [number, number, number];
  readonly pages: number;
  readonly startRounds: number;
}

const full: Sizes = {
  pacedStreams: 200,
  pacedMs: 2_500,
  bursts: 6,
  turns: 200,
  singles: 100,
  rush: 200,
  held: 1_000,
  heldRounds: 2,
  rows: [10_240, 1_000_000, 10_000_000],
  pages: 60,
  startRounds: 5,
};

const quick: Sizes = {
  ...full,
  pacedStreams: 100,
  pacedMs: 1_000,
  bursts: 4,
  turns: 60,
  singles: 25,
  rush: 100,
  held: 300,
  heldRounds: 1,
  rows: [10_240, 200_000],
  pages: 20,
  startRounds: 1,
};

export function sizesOf(options: Options): Sizes {
  const sizes = options.quick ? quick : full;
  return {
    ...sizes,
    heldRounds: Math.min(sizes.heldRounds, options.rounds),
    startRounds: Math.min(sizes.startRounds, options.rounds),
  };
}
