import { setTimeout as pause } from 'node:timers/promises';

import type { Upstream, FoundAnswer, LostAnswer } from '../../ports/upstream';
import { toChatError } from '../../errors';
import { settledWithin } from '../../shared/settled-within';
import type { TurnStore } from '../../ports/turn-store';

export interface RecoveryOptions {
  /** Asks the upstream for the answer that it has saved. Returns null while the upstream has none. */
  readonly find: () => Promise<FoundAnswer | null>;
  readonly recoveryMs: number;
  /** Ends the search, because the turn must end. */
  readonly signal: AbortSignal;
}

const firstDelayMs = 300;
/** The minimum time for one request, even if it starts at the end of `recoveryMs`. */
const shortestAskMs = 500;

/**
 * Looks in the upstream for an answer that broke off. Some versions of Dify continue without a reader and save the
 * answer a moment later. Asks several times and doubles the pause each time. It takes `recoveryMs`, and at most
 * `shortestAskMs` more for the last request.
 * @returns the whole answer, or null. Never rejects: a failed request counts as no answer.
 */
export async function recover({ find, recoveryMs, signal }: RecoveryOptions): Promise<FoundAnswer | null> {
  if (signal.aborted) return null;
  const untilMs = performance.now() + recoveryMs;
  const leftMs = () => untilMs - performance.now();
  for (let delayMs = firstDelayMs, pausedMs = 0; pausedMs + delayMs <= recoveryMs; delayMs *= 2) {
    if (leftMs() <= 0) return null;
    await pause(Math.min(delayMs, leftMs()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return null;
    pausedMs += delayMs;
    const asked = find().catch(() => null);
    const found = await settledWithin(Math.max(leftMs(), shortestAskMs), asked);
    if (found !== undefined && found !== null) return found;
  }
  return null;
}

/** A question whose reply was not read to its end, with the text that is saved of its answer. */
export interface LostReply extends LostAnswer {
  /** The found answer must begin with it. */
  readonly beginning: string;
}

/**
 * Returns the answer that the upstream has saved for a turn by now. Returns null if it has none, or another one.
 * @throws ChatError `upstream-…` if the request to the upstream fails. Also throws the errors of the store.
 */
export async function findLost(
  { upstream, store }: { readonly upstream: Upstream; readonly store: TurnStore },
  turnId: string,
  { beginning, ...lost }: LostReply,
): Promise<FoundAnswer | null> {
  const found = await upstream
    .findLostAnswer(lost, (messageId) => store.hasMessage(messageId))
    .catch(toNothing);
  if (found === null || !found.answer.startsWith(beginning)) return null;
  if (lost.messageId !== undefined) return found;
  // The answer was found by its words. It may belong to another pending turn with the same words.
  return (await store.hasTwin(turnId)) ? null : found;
}

/**
 * Returns null if somebody has deleted the conversation in the upstream, and so the answer. Rethrows every other
 * error.
 */
function toNothing(error: unknown): null {
  if (toChatError(error).code !== 'upstream-conversation-gone') throw error;
  return null;
}
