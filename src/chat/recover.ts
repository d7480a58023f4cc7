import { setTimeout as pause } from 'node:timers/promises';

export interface RecoveryOptions {
  /** Asks Dify for the answer it has saved; null while there is none. */
  readonly findAnswer: () => Promise<string | null>;
  readonly recoveryMs: number;
  /** Ends the search: the turn is to end. */
  readonly signal: AbortSignal;
}

const firstDelayMs = 300;

/**
 * Looks for an answer that broke off: some versions of Dify go on without a reader and save it a moment later. Asks a few
 * times, each after twice the pause of the one before, for `recoveryMs` at most.
 * @returns the whole answer, or null. Never rejects: an answer that cannot be asked for is not there.
 */
export async function recover({ findAnswer, recoveryMs, signal }: RecoveryOptions): Promise<string | null> {
  if (signal.aborted) return null;
  for (let delayMs = firstDelayMs, waitedMs = 0; waitedMs + delayMs <= recoveryMs; delayMs *= 2) {
    await pause(delayMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return null;
    waitedMs += delayMs;
    const answer = await findAnswer().catch(() => null);
    if (answer !== null) return answer;
  }
  return null;
}
