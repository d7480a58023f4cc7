import { setTimeout as pause } from 'node:timers/promises';

import type { ReadPublished, ReadPublishedVersion } from '../chat/ports/published-characters';
import type { UpstreamProblem } from '../chat/ports/upstream';
import type { Upstreams } from '../chat/ports/upstreams';
import { describeError, type Log } from '../chat/shared/log';
import { doubling } from '../chat/shared/retry';
import { explainFailure } from './explain';
import {
  checkEach,
  defaultUse,
  describeCharacters,
  findProblemOf,
  groupByUpstream,
  type UpstreamUse,
} from './uses';

/** Asks the upstreams, soon after the start, whether they are set up for the published characters. */
export interface UpstreamCheck {
  /** Begins in the background. */
  start(): void;
  stop(): void;
  /**
   * Returns what is wrong with the default upstream, or with the first other one. Null if nothing is, or if it is not
   * known yet.
   */
  problem(): UpstreamProblem | null;
}

const failurePauseMs = doubling(1_000, 300_000);

export interface UpstreamCheckOptions {
  readonly upstreams: Pick<Upstreams, 'identify' | 'findProblem'>;
  readonly readPublished: ReadPublished;
  readonly readVersion: ReadPublishedVersion;
  readonly log: Log;
  /** An operator who changes an app, and an editor who publishes a character, sees within this time whether it helps. */
  readonly recheckMs?: number;
  /** The characters are read again after this time, even if their version is the same. */
  readonly rereadMs?: number;
}

/** What is known about one upstream. */
interface Result {
  readonly problem: UpstreamProblem | null;
  readonly failures: number;
  /** The time of the next check, as `Date.now()`. Infinity if nothing is wrong. */
  readonly dueAt: number;
  /** The upstream takes prompts of this length. */
  readonly promptChars: number;
}

const unchecked: Result = { problem: null, failures: 0, dueAt: 0, promptChars: 0 };

export function createUpstreamCheck({
  upstreams,
  readPublished,
  readVersion,
  log,
  recheckMs = 60_000,
  rereadMs = 600_000,
}: UpstreamCheckOptions): UpstreamCheck {
  const stopping = new AbortController();
  /** By group. */
  const results = new Map<string, Result>();
  let cannotRead = false;
  const readUses = cacheUses(() => groupByUpstream(upstreams, readPublished()), readVersion, rereadMs);
  return {
    start: () => void run(),
    stop: () => stopping.abort(),
    problem: () => [...results.values()].find(({ problem }) => problem !== null)?.problem ?? null,
  };

  /** Reads the characters if they have changed. Asks the new upstreams, and those that were not all right. */
  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const uses = await usesNow();
      keep(uses);
      await checkEach(uses.filter(isDue), check);
      const dueInMs = Math.min(...[...results.values()].map(({ dueAt }) => dueAt)) - Date.now();
      const ms = Math.max(0, Math.min(recheckMs, dueInMs));
      await pause(ms, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  async function usesNow(): Promise<readonly UpstreamUse[]> {
    try {
      const uses = await readUses();
      cannotRead = false;
      return uses;
    } catch (error) {
      if (!cannotRead && !stopping.signal.aborted)
        log.warn(`The characters cannot be read to check their upstreams: ${describeError(error)}`);
      cannotRead = true;
      return [defaultUse(upstreams)];
    }
  }

  /** Keeps the results of these uses, in their order. */
  function keep(uses: readonly UpstreamUse[]): void {
    const kept = uses.map(({ group }) => [group, results.get(group) ?? unchecked] as const);
    if (!cannotRead) results.clear();
    for (const [group, result] of kept) results.set(group, result);
  }

  function isDue({ group, promptChars = 0 }: UpstreamUse): boolean {
    const result = results.get(group) ?? unchecked;
    return result.dueAt <= Date.now() || promptChars > result.promptChars;
  }

  async function check(use: UpstreamUse): Promise<void> {
    if (stopping.signal.aborted) return;
    const { group, promptChars = 0 } = use;
    const before = results.get(group) ?? unchecked;
    try {
      const problem = await findProblemOf(upstreams, use);
      report(use, before.problem, problem);
      const dueAt = problem === null ? Infinity : Date.now() + recheckMs;
      results.set(group, { problem, failures: 0, dueAt, promptChars });
    } catch (error) {
      const failures = before.failures + 1;
      if (failures === 1)
        log.warn(
          `The setup of the upstream "${use.name}" cannot be checked: ${describeError(error)}. ` +
            explainFailure(error, use.kind),
        );
      results.set(group, { ...before, failures, dueAt: Date.now() + failurePauseMs(failures), promptChars });
    }
  }

  function report(use: UpstreamUse, before: UpstreamProblem | null, found: UpstreamProblem | null): void {
    if (found !== null && found.code !== before?.code)
      log.error(`The upstream "${use.name}" is not set up. ${found.message}${describeUsers(use)}`);
    if (found === null && before !== null)
      log.info(`The upstream "${use.name}" is set up now. Before: ${before.code}.`);
  }
}

/** Reads the uses again if the characters have changed, or after `forMs`. */
function cacheUses(
  read: () => Promise<readonly UpstreamUse[]>,
  readVersion: ReadPublishedVersion,
  forMs: number,
): () => Promise<readonly UpstreamUse[]> {
  let cached: { uses: readonly UpstreamUse[]; version: string; until: number } | undefined;
  return async () => {
    // Before the characters, so that a change in the meantime is found in the next round.
    const version = await readVersion();
    if (cached?.version === version && Date.now() < cached.until) return cached.uses;
    const until = Date.now() + forMs;
    const uses = await read();
    cached = { uses, version, until };
    return uses;
  };
}

function describeUsers(use: UpstreamUse): string {
  return use.characterCount === 0 ? '' : ` It answers for ${describeCharacters(use)}.`;
}
