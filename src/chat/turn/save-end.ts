import type { NewTurn, TurnEnding } from '../model/turn';
import type { TurnStore } from '../ports/turn-store';
import type { TurnSettings } from '../settings';
import type { TerminalEvent } from '../model/turn-event';
import { toTerminalEvent } from '../stream/saved-turn';
import { toChatError } from '../errors';
import { describeError, type Log } from '../shared/log';
import { LoggableError } from '../shared/loggable-error';
import { doubling, retry } from '../shared/retry';
import type { TurnOptions } from './options';

export interface SaveEndOptions {
  readonly turn: Pick<NewTurn, 'turnId'>;
  readonly settings: Pick<TurnSettings, 'saveRetryMs'>;
  readonly store: Pick<TurnStore, 'close'>;
  readonly log: Log;
  /** Fires when the process can wait no longer. The next process ends a turn that is not saved by then. */
  readonly giveUp: AbortSignal;
  /** `saveEnd` calls this after it has saved the end itself. It must not throw. */
  readonly onTurnEnded: (turnId: string) => void;
}

/** The saved end of a turn. */
export interface SavedEnd {
  readonly terminal: TerminalEvent;
  /** The text of the end that another process has saved, because this one was paused; null if this process saved it. */
  readonly otherText: string | null;
}

/**
 * Saves the end of a turn. If another process has taken the turn over, waits for the end that it saves. Retries while
 * the database is busy or unavailable, so that no answer is lost. The first retry comes soon, later ones once a second,
 * for at most `saveRetryMs`.
 * @returns this end, or the one that was saved instead of it. Never rejects.
 */
export async function saveEnd(
  { turn: { turnId }, settings, store, log, giveUp, onTurnEnded }: SaveEndOptions,
  ending: TurnEnding,
): Promise<SavedEnd> {
  try {
    return await retry(save, {
      pauseMs: doubling(firstSaveRetryMs, saveRetryEveryMs),
      forMs: settings.saveRetryMs,
      signal: giveUp,
      isRetryable: (error) => !isErased(error),
      onFailed(error, { failures, nextInMs }) {
        if (failures > 1 && nextInMs !== undefined) return;
        if (isErased(error)) log.warn(`Turn ${turnId} was erased while it was being answered.`);
        else if (error === takenOver)
          log.warn(`Turn ${turnId} was taken over by another process, which ends it.`);
        else log.error(`Turn ${turnId}: its end could not be saved (${failures}): ${describeError(error)}`);
      },
    });
  } catch (error) {
    const code = isErased(error) ? 'turn-not-found' : 'internal';
    return { terminal: { type: 'failed', outcome: 'failed', code }, otherText: null };
  }

  async function save(): Promise<SavedEnd> {
    // If another process or an earlier try has already ended the turn, that end counts.
    const saved = await store.close(turnId, ending);
    const terminal = toTerminalEvent(saved);
    if (terminal === null) throw takenOver;
    const { lastEventId, answer } = saved[1];
    if (lastEventId !== ending.lastEventId) return { terminal, otherText: answer };
    onTurnEnded(turnId);
    return { terminal, otherText: null };
  }
}

/** The rows of the turn have no end yet. */
const takenOver = new LoggableError('TURN_TAKEN_OVER', 'Another process has taken the turn over.');

/** Returns whether the turn was erased, or one of its two lines. */
const isErased = (error: unknown): boolean => toChatError(error).code === 'turn-not-found';

const firstSaveRetryMs = 100;
const saveRetryEveryMs = 1_000;

type Parts = Pick<TurnOptions, 'store' | 'log' | 'dropConversation'>;

/** A turn that has ended, and the `user` that the server sent with its question. */
export interface EndedTurn {
  readonly turnId: string;
  readonly user: string;
  /** See `upstreamIdOf`. */
  readonly upstreamId: string | null;
}

/**
 * Saves the upstream's conversation on a turn that has ended, and on its session if that can continue there. If the
 * turn was erased or deleted meanwhile, lets the upstream delete the conversation. Never rejects.
 */
export async function saveEndedConversation(
  { store, log, dropConversation }: Parts,
  { turnId, user, upstreamId }: EndedTurn,
  conversationId: string,
): Promise<void> {
  try {
    await store.continueIn(turnId, conversationId);
    if (await store.identify(turnId, conversationId)) return;
    await dropConversation({ conversationId, user, upstreamId });
  } catch (error) {
    log.warn(`Turn ${turnId}: its conversation in the upstream could not be saved: ${describeError(error)}`);
  }
}
