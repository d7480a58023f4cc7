import { createRandom } from '../../tests/faults/support/random';

/** The work that a turn causes in a process, and when. */
export interface TurnCost {
  /** Work after the question arrives and before Dify is asked. */
  readonly beginMs: number;
  readonly eventMs: number;
  /** Work after the last event. */
  readonly endMs: number;
  readonly events: number;
  readonly eventsPerSecond: number;
  /** Time from the question to Dify's first event. */
  readonly firstEventMs: number;
}

/** Turns that begin at random, as those of many independent users. */
export interface Arrivals {
  readonly turnsPerMinute: number;
  /** Number of simulated turns. */
  readonly turns: number;
  readonly seed: number;
}

export interface Load {
  /** Share of the time in which the process is busy. */
  readonly utilisation: number;
  /** Average number of concurrent turns. */
  readonly running: number;
  /** Time from the arrival of an event until the process has handled it. */
  readonly delayMs: { readonly mean: number; readonly p50: number; readonly p99: number };
}

/** Above this share, the simulated delay depends on the simulated time. */
const fullFrom = 0.95;

/** @returns the share of one process that these turns need. A value above 1 means that one process is not enough. */
export function neededShare({ beginMs, eventMs, endMs, events }: TurnCost, turnsPerMinute: number): number {
  return (turnsPerMinute / 60_000) * (beginMs + events * eventMs + endMs);
}

export function durationMs({ firstEventMs, events, eventsPerSecond }: TurnCost): number {
  return firstEventMs + (events / eventsPerSecond) * 1000;
}

/**
 * Simulates one process as a single server that handles work in the order of arrival. Dify does not wait: events arrive
 * at their times, however much work is queued. The same seed gives the same result.
 */
export function simulate(turn: TurnCost, arrivals: Arrivals): Load | 'full' {
  if (neededShare(turn, arrivals.turnsPerMinute) >= fullFrom) return 'full';
  const lasts = durationMs(turn);
  const begins = poissonTimes(arrivals);
  // Before the first turn ends and after the last one begins, fewer turns run than in the steady state.
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
  /** Arrival times of the events, which all cost the same. */
  readonly events: Float64Array;
  readonly eventMs: number;
  readonly others: readonly { readonly at: number; readonly costMs: number }[];
  readonly window: { readonly from: number; readonly to: number };
}

/** @returns the work that arrives within the window, and the sorted delays of its events. */
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
