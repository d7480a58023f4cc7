import { setTimeout as pause } from 'node:timers/promises';

import type { Upstream, FoundAnswer, LostAnswer } from '../ports/upstream';
import { toChatError } from '../errors';
import { settledWithin } from '../shared/settled-within';
import type { TurnStore } from '../ports/turn-store';

export interface RecoveryOptions {
  /** Asks Dify for the answer it has saved; null while there is none. */
  readonly find: () => Promise<FoundAnswer | null>;
  readonly recoveryMs: number;
  /** Ends the search: the turn is to end. */
  readonly signal: AbortSignal;
}

const firstDelayMs = 300;
/** What the last one is given, who begins at the end of the time. */
const shortestAskMs = 500;

/**
 * Looks for an answer that broke off: some versions of Dify go on without a reader and save it a moment later. Asks a few
 * times, each after twice the pause of the one before, for `recoveryMs` at most, however long Dify takes to answer.
 * @returns the whole answer, or null. Never rejects: an answer that cannot be asked for is not there.
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

/**
 * What Dify has saved of the lost answer of a turn, now.
 * @throws ChatError `upstream-…` when Dify cannot be asked; and whatever the store throws.
 */
export async function findLost(
  { upstream, store }: { readonly upstream: Upstream; readonly store: TurnStore },
  turnId: string,
  lost: LostAnswer,
): Promise<FoundAnswer | null> {
  const found = await upstream
    .findLostAnswer(lost, (messageId) => store.hasMessage(messageId))
    .catch(toNothing);
  if (found === null || lost.messageId !== undefined) return found;
  // Found by its words, it may be the answer of who asks them again meanwhile.
  return (await store.hasTwin(turnId)) ? null : found;
}

/** Somebody has deleted the conversation in Dify, and the answer with it. */
function toNothing(error: unknown): null {
  if (toChatError(error).code !== 'upstream-conversation-gone') throw error;
  return null;
}
