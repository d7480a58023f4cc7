import { setTimeout as pause } from 'node:timers/promises';

import type { LoadClient } from '../load/client';
import type { StreamResult } from '../load/jobs';
import { cpuUs } from '../support/proc';
import { quantile } from '../support/statistics';
import type { Target } from '../targets/target';
import type { Plan } from '../upstream/plan';
import { runRounds, type Measured } from './series';
import type { Sizes } from './sizes';

export interface StreamContext {
  readonly client: LoadClient;
  readonly targets: readonly Target[];
  readonly rounds: number;
  readonly sizes: Sizes;
  readonly say: (line: string) => void;
}

interface Load {
  readonly plan: Plan;
  readonly turns: number;
  readonly atOnce: number;
  readonly startEveryMs: number;
}

/** Writes and cleanup after the last byte belong to the turn. */
const settleMs = 250;

/** Runs turns against a target. @throws Error when an answer was wrong. */
export async function runLoad(
  { client }: StreamContext,
  target: Target,
  { plan, turns, atOnce, startEveryMs }: Load,
  window: {
    settleMs: number;
    on: (state: 'open' | 'closed', events: number) => void;
  } | null = null,
): Promise<StreamResult> {
  const result = await client.streams(
    {
      port: target.port(),
      requests: target.requests(plan),
      expected: plan.events,
      turns,
      atOnce,
      startEveryMs,
      window: window && { settleMs: window.settleMs },
    },
    window?.on,
  );
  await pause(settleMs);
  const [failure] = result.failures;
  if (failure !== undefined) throw new Error(`${result.failures.length} of ${turns} turns: ${failure}`);
  return result;
}

/** Measures the CPU time of an event while all streams run. `turn` measures the start and the end of streams. */
async function cpuPerEvent(context: StreamContext, target: Target, load: Load) {
  const marks: { cpuUs: number; events: number }[] = [];
  const result = await runLoad(context, target, load, {
    settleMs: 150,
    on: (_state, events) => marks.push({ cpuUs: cpuUs(target.pids()), events }),
  });
  const [open, closed] = marks;
  if (open === undefined || closed === undefined || closed.events - open.events < result.events / 10) {
    throw new Error('Too few of the events arrived while all streams ran.');
  }
  return {
    result,
    cpu: (closed.cpuUs - open.cpuUs) / (closed.events - open.events),
  };
}

const isPassive = (target: Target) => target.pids().length === 0;

export function measurePaced(context: StreamContext): Promise<Measured> {
  const { pacedStreams, pacedMs } = context.sizes;
  const everyMs = 20;
  const load: Load = {
    plan: { events: Math.round(pacedMs / everyMs), perWrite: 1, everyMs, together: pacedStreams },
    turns: pacedStreams,
    atOnce: pacedStreams,
    startEveryMs: 2,
  };
  return measureEvents(context, {
    measure: 'paced',
    load,
    title: `${pacedStreams} streams at ${1000 / everyMs} events a second`,
  });
}

export function measureBurst(context: StreamContext): Promise<Measured> {
  const perWrite = 200;
  const streams = 20;
  const load: Load = {
    plan: { events: perWrite * context.sizes.bursts, perWrite, everyMs: 250, together: streams },
    turns: streams,
    atOnce: streams,
    startEveryMs: 10,
  };
  return measureEvents(context, {
    measure: 'burst',
    load,
    title: `${streams} streams in bursts of ${perWrite} events`,
  });
}

function measureEvents(
  context: StreamContext,
  { measure, load, title }: { measure: string; load: Load; title: string },
): Promise<Measured> {
  return runRounds({
    ...context,
    measure,
    nameOf: ({ name }) => name,
    warmUp: true,
    series: {
      [`${measure}-cpu`]: { title: `CPU of an event, ${title}`, unit: 'µs' },
      [`${measure}-delay`]: { title: `Time under way, half of the events, ${title}`, unit: 'ms' },
      [`${measure}-late`]: { title: `Time under way, 99.9 % of the events, ${title}`, unit: 'ms' },
    },
    async run(target) {
      if (isPassive(target)) return toDelays(measure, await runLoad(context, target, load));
      const { result, cpu } = await cpuPerEvent(context, target, load);
      return { [`${measure}-cpu`]: cpu, ...toDelays(measure, result) };
    },
  });
}

function toDelays(measure: string, { underWayMs }: StreamResult): Record<string, number> {
  return { [`${measure}-delay`]: underWayMs.p50, [`${measure}-late`]: underWayMs.p999 };
}

export const oneEvent: Plan = { events: 1, perWrite: 1, everyMs: 0, together: 0 };

export function measureTurn(context: StreamContext): Promise<Measured> {
  const { turns } = context.sizes;
  return runRounds({
    ...context,
    targets: context.targets.filter((target) => !isPassive(target)),
    measure: 'turn',
    nameOf: ({ name }) => name,
    warmUp: true,
    series: { 'turn-cpu': { title: 'CPU of a turn with an answer of one event', unit: 'ms' } },
    async run(target) {
      const before = cpuUs(target.pids());
      await runLoad(context, target, { plan: oneEvent, turns, atOnce: 8, startEveryMs: 0 });
      return { 'turn-cpu': (cpuUs(target.pids()) - before) / turns / 1000 };
    },
  });
}

export function measureFirst(context: StreamContext): Promise<Measured> {
  const { singles } = context.sizes;
  return runRounds({
    ...context,
    measure: 'first',
    nameOf: ({ name }) => name,
    warmUp: true,
    series: {
      'first-p50': { title: 'To the first event, one client, half of the turns', unit: 'ms' },
      'first-p99': { title: 'To the first event, one client, 99 % of the turns', unit: 'ms' },
    },
    async run(target) {
      const load = { plan: oneEvent, turns: singles, atOnce: 1, startEveryMs: 0 };
      const { firstEventMs } = await runLoad(context, target, load);
      return { 'first-p50': quantile(firstEventMs, 0.5), 'first-p99': quantile(firstEventMs, 0.99) };
    },
  });
}

export function measureRush(context: StreamContext): Promise<Measured> {
  const { rush } = context.sizes;
  return runRounds({
    ...context,
    measure: 'rush',
    nameOf: ({ name }) => name,
    warmUp: true,
    series: {
      'rush-p50': { title: `To the first event, ${rush} turns at once, half of them`, unit: 'ms' },
      'rush-p99': { title: `To the first event, ${rush} turns at once, 99 % of them`, unit: 'ms' },
    },
    async run(target) {
      const load = { plan: oneEvent, turns: rush, atOnce: rush, startEveryMs: 0 };
      const { firstEventMs } = await runLoad(context, target, load);
      return { 'rush-p50': quantile(firstEventMs, 0.5), 'rush-p99': quantile(firstEventMs, 0.99) };
    },
  });
}
