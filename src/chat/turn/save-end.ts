import { setTimeout as pause } from 'node:timers/promises';

import type { NewTurn, TurnEnding } from '../model/turn';
import type { TurnStore } from '../ports/turn-store';
import type { TurnSettings } from '../settings';
import type { TerminalEvent } from '../model/turn-event';
import { toTerminalEvent } from '../stream/saved-turn';
import { toChatError } from '../errors';
import { describeError, type Log } from '../shared/log';

export interface SaveEndOptions {
  readonly turn: Pick<NewTurn, 'turnId'>;
  readonly settings: Pick<TurnSettings, 'saveRetryMs'>;
  readonly store: Pick<TurnStore, 'close'>;
  readonly log: Log;
  /** Fires when the process can wait no longer. The next process ends a turn that is not saved by then. */
  readonly giveUp: AbortSignal;
  /** `saveEnd` calls this after it has saved the end. It must not throw. */
  readonly onTurnEnded: () => void;
}

/**
 * Saves the end of a turn. Retries while the database is busy or unavailable, so that no answer is lost. The first
 * retry comes soon, later ones once a second, for at most `saveRetryMs`.
 * @returns the terminal event of this end, or of an end that was saved before it. Never rejects.
 */
export async function saveEnd(
  { turn, settings, store, log, giveUp, onTurnEnded }: SaveEndOptions,
  ending: TurnEnding,
): Promise<TerminalEvent> {
  const untilMs = Date.now() + settings.saveRetryMs;
  for (
    let delayMs = firstSaveRetryMs, tries = 1;
    ;
    delayMs = Math.min(delayMs * 2, saveRetryEveryMs), tries += 1
  ) {
    // Still try once after `giveUp` has fired or the time is over.
    const isLast = giveUp.aborted || Date.now() + delayMs > untilMs;
    try {
      // If another process or an earlier try has already ended the turn, that end counts.
      const terminal = toTerminalEvent(await store.close(turn.turnId, ending));
      onTurnEnded();
      if (terminal !== null) return terminal;
    } catch (error) {
      if (toChatError(error).code === 'turn-not-found') {
        log.warn(`Turn ${turn.turnId} was erased while it was being answered.`);
        return notSaved;
      }
      if (tries === 1 || isLast) {
        log.error(`Turn ${turn.turnId}: its end could not be saved (${tries}): ${describeError(error)}`);
      }
    }
    if (isLast) return notSaved;
    await pause(delayMs, undefined, { signal: giveUp }).catch(() => undefined);
  }
}

const notSaved: TerminalEvent = { type: 'failed', outcome: 'failed', code: 'internal' };

const firstSaveRetryMs = 100;

const saveRetryEveryMs = 1_000;
