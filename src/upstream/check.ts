import { setTimeout as pause } from 'node:timers/promises';

import { defaultChoice } from '../chat/model/character';
import type { UpstreamProblem } from '../chat/ports/upstream';
import type { Upstreams } from '../chat/ports/upstreams';
import { describeError, type Log } from '../chat/shared/log';
import { doubling } from '../chat/shared/retry';

/** Asks the upstream, soon after the start, whether it is set up for characters. */
export interface UpstreamCheck {
  /** Begins in the background. */
  start(): void;
  stop(): void;
  /** Returns what is wrong; null if nothing is, or if it is not known yet. */
  problem(): UpstreamProblem | null;
}

const failurePauseMs = doubling(1_000, 300_000);

export interface UpstreamCheckOptions {
  readonly upstreams: Pick<Upstreams, 'findProblem'>;
  readonly log: Log;
  /** An operator who changes the app sees within this time whether it helps. */
  readonly recheckMs?: number;
}

export function createUpstreamCheck({
  upstreams,
  log,
  recheckMs = 60_000,
}: UpstreamCheckOptions): UpstreamCheck {
  const stopping = new AbortController();
  let problem: UpstreamProblem | null = null;
  let failures = 0;
  return {
    start: () => void run(),
    stop: () => stopping.abort(),
    problem: () => problem,
  };

  /** Checks until the upstream has answered and nothing is wrong. */
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await check();
      if (failures === 0 && problem === null) return;
      const ms = failures > 0 ? failurePauseMs(failures) : recheckMs;
      await pause(ms, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  async function check(): Promise<void> {
    try {
      const found = await upstreams.findProblem(defaultChoice);
      failures = 0;
      if (found !== null && found.code !== problem?.code) log.error(found.message);
      if (found === null && problem !== null)
        log.info(`The upstream is set up now. Before: ${problem.code}.`);
      problem = found;
    } catch (error) {
      failures += 1;
      if (failures === 1) log.warn(`The setup of the upstream cannot be checked: ${describeError(error)}`);
    }
  }
}
