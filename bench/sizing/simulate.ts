import { createRandom } from '../../tests/faults/support/random';

/** What a turn asks of a process, and when. */
export interface TurnCost {
  /** When its question comes: what is done before Dify is asked. */
  readonly beginMs: number;
  readonly eventMs: number;
  /** After its last event. */
  readonly endMs: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  /** From the question to Dify's first event. */
  readonly firstEventMs: number;
}

/** Turns that begin at random, as of many users who know nothing of each other. */
export interface Arrivals {
  readonly turnsPerMinute: number;
  /** How many are simulated. */
  readonly turns: number;
  readonly seed: number;
}

export interface Load {
  /** Share of the time in which the process works. */
  readonly utilisation: number;
  /** Turns that run at once, on average. */
  readonly running: number;
  /** From the arrival of an event until the process is done with it. */
  readonly delayMs: { readonly mean: number; readonly p50: number; readonly p99: number };
}

/** Beyond it, how long one waits depends on how long one looks. */
const fullFrom = 0.95;

/** @returns the share of one process that these turns need: above 1 where one is not enough. */
export function neededShare({ beginMs, eventMs, endMs, events }: TurnCost, turnsPerMinute: number): number {
  return (turnsPerMinute / 60_000) * (beginMs + events * eventMs + endMs);
}

export function durationMs({ firstEventMs, events, eventsPerSecond }: TurnCost): number {
  return firstEventMs + (events / eventsPerSecond) * 1000;
}

/**
 * One process as a single server that does what comes in the order in which it comes. Dify waits for nobody: an event
 * comes when it comes, however much waits before it. The same seed, the same result.
 */
export function simulate(turn: TurnCost, arrivals: Arrivals): Load | 'full' {
  if (neededShare(turn, arrivals.turnsPerMinute) >= fullFrom) return 'full';
  const lasts = durationMs(turn);
  const begins = poissonTimes(arrivals);
  // Until the first turn has ended, and after the last one has begun, there are fewer than there would be.
  const [from, to] = [lasts, begins.at(-1) ?? 0];
  const ends = begins.map((at) => at + lasts);
  const served = serve({
    events: eventTimes(begins, turn),
    eventMs: turn.eventMs,
    others: [
      ...Array.from(begins, (at) => ({ at, costMs: turn.beginMs })),
      ...Array.from(ends, (at) => ({ at, costMs: turn.endMs })),
    ].sort((one, other) => one.at - other.at),
    window: { from, to },
  });
  const runMs = begins.reduce(
    (sum, at) => sum + Math.max(0, Math.min(at + lasts, to) - Math.max(at, from)),
    0,
  );
  return {
    utilisation: served.busyMs / (to - from),
    running: runMs / (to - from),
    delayMs: spreadOf(served.eventDelaysMs),
  };
}

function poissonTimes({ turnsPerMinute, turns, seed }: Arrivals): Float64Array {
  const random = createRandom(seed);
  let at = 0;
  return Float64Array.from(
    { length: turns },
    () => (at -= Math.log(1 - random.next()) * (60_000 / turnsPerMinute)),
  );
}

function eventTimes(begins: Float64Array, { events, eventsPerSecond, firstEventMs }: TurnCost): Float64Array {
  const times = new Float64Array(begins.length * events);
  begins.forEach((begin, turn) => {
    for (let event = 0; event < events; event += 1) {
      times[turn * events + event] = begin + firstEventMs + (event / eventsPerSecond) * 1000;
    }
  });
  return times.sort();
}

interface Work {
  /** When they come: the many, which are all alike. */
  readonly events: Float64Array;
  readonly eventMs: number;
  readonly others: readonly { readonly at: number; readonly costMs: number }[];
  readonly window: { readonly from: number; readonly to: number };
}

/** @returns of what comes within the window: how much work it is, and what each event takes with its waiting, sorted. */
function serve({ events, eventMs, others, window: { from, to } }: Work) {
  const delaysMs = new Float64Array(events.length);
  let [freeAt, busyMs, delays, next] = [0, 0, 0, 0];
  const work = (at: number, costMs: number) => {
    freeAt = (freeAt > at ? freeAt : at) + costMs;
    if (at >= from && at <= to) busyMs += costMs;
  };
  for (const at of events) {
    for (let other = others[next]; other !== undefined && other.at <= at; other = others[++next]) {
      work(other.at, other.costMs);
    }
    work(at, eventMs);
    if (at >= from && at <= to) delaysMs[delays++] = freeAt - at;
  }
  return { busyMs, eventDelaysMs: delaysMs.subarray(0, delays).sort() };
}

function spreadOf(sorted: Float64Array): Load['delayMs'] {
  const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  const mean = sorted.reduce((sum, delay) => sum + delay, 0) / sorted.length;
  return { mean, p50: quantile(0.5), p99: quantile(0.99) };
}
