import { setTimeout as pause } from 'node:timers/promises';

import { quantile } from '../support/statistics';
import type { StreamJob, StreamResult } from './jobs';
import { runTurn } from './turn';

/** Runs the turns of one job. @param onWindow called when the window opens and when it closes. */
export async function runStreams(
  job: StreamJob,
  onWindow: (state: 'open' | 'closed', events: number) => void,
): Promise<StreamResult> {
  const firstEventMs: number[] = [];
  const underWayUs: number[] = [];
  const failures: string[] = [];
  const window = createWindow(job, (state) => onWindow(state, events));
  let started = 0;
  let events = 0;

  async function runNext(): Promise<void> {
    while (started < job.turns) {
      const request = job.requests[started % job.requests.length] ?? '';
      started += 1;
      await runTurn({
        port: job.port,
        request,
        expected: job.expected,
        onFirst(ms) {
          firstEventMs.push(ms);
          window.begun();
        },
        onEvent(index, us) {
          events += 1;
          // `firstEventMs` contains the time of the first event.
          if (index > 0) underWayUs.push(us);
          if (index + 1 === job.expected) window.close();
        },
      }).catch((error: unknown) => failures.push(String(error)));
    }
  }

  const runners: Promise<void>[] = [];
  for (let index = 0; index < Math.min(job.atOnce, job.turns); index += 1) {
    runners.push(runNext());
    if (job.startEveryMs > 0) await pause(job.startEveryMs);
  }
  await Promise.all(runners);
  window.close();
  return {
    type: 'streams',
    events,
    firstEventMs,
    underWayMs: toQuantiles(underWayUs),
    failures,
  };
}

function createWindow({ window, turns }: StreamJob, tell: (state: 'open' | 'closed') => void) {
  let missing = turns;
  let state: 'waiting' | 'open' | 'over' = window === null ? 'over' : 'waiting';
  return {
    /** Call it when a turn has received its first event. */
    begun(): void {
      missing -= 1;
      if (missing > 0 || window === null) return;
      setTimeout(() => {
        if (state !== 'waiting') return;
        state = 'open';
        tell('open');
      }, window.settleMs);
    },
    close(): void {
      if (state === 'open') tell('closed');
      state = 'over';
    },
  };
}

function toQuantiles(us: readonly number[]): StreamResult['underWayMs'] {
  const at = (share: number) => (us.length === 0 ? 0 : quantile(us, share) / 1000);
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
