import { residentBytes } from '../support/proc';
import type { Target } from '../targets/target';
import { runRounds, type Measured } from './series';
import { oneEvent, runLoad, type StreamContext } from './streams';

const names = ['nginx', 'pipe', 'ours', 'before'];

/**
 * Measures the memory that a running turn adds to a process. The process is started for this measure, and warmed up
 * until its heap has the size that short turns need. Garbage is collected before each reading.
 */
export function measureMemory(context: StreamContext): Promise<Measured> {
  const { held, heldRounds } = context.sizes;
  return runRounds({
    ...context,
    targets: context.targets.filter(({ name }) => names.includes(name.split('/')[0] ?? '')),
    rounds: heldRounds,
    measure: 'memory',
    nameOf: ({ name }) => name,
    warmUp: false,
    series: {
      memory: { title: `Memory of a turn, of ${held} that are running`, unit: 'KB' },
      'memory-idle': { title: 'Memory of the process without turns', unit: 'MB' },
    },
    run: (target) => runHeld(context, target),
  });
}

async function needed(target: Target): Promise<number> {
  await target.collectGarbage();
  return residentBytes(target.pids());
}

async function runHeld(context: StreamContext, target: Target): Promise<Record<string, number>> {
  const { held } = context.sizes;
  await target.restart();
  await runLoad(context, target, { plan: oneEvent, turns: 400, atOnce: 32, startEveryMs: 0 });
  await target.collectGarbage();
  const idle = residentBytes(target.pids());
  let busy: Promise<number> | undefined;
  const plan = { events: 4, perWrite: 1, everyMs: 1_000, together: held };
  await runLoad(
    context,
    target,
    { plan, turns: held, atOnce: held, startEveryMs: 5 },
    {
      settleMs: 1_000,
      on(state) {
        if (state === 'open') busy = needed(target);
      },
    },
  );
  if (busy === undefined) throw new Error('The first turns had ended before the last ones began.');
  return { memory: ((await busy) - idle) / held / 1024, 'memory-idle': idle / 1024 / 1024 };
}
