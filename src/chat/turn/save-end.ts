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
  /** Fires when the process can wait no longer: what is not saved by then is left to the next one. */
  readonly giveUp: AbortSignal;
  /** Called once the end is saved. Must not throw. */
  readonly onTurnEnded: () => void;
}

/**
 * Saves how a turn ended.
 *
 * A database that is busy or away costs no answer: the end is kept and tried again, soon at first and then once a second,
 * for `saveRetryMs` at most.
 * @returns the terminal event: of this end, or of the one that was saved before it. Never rejects.
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
    // After that, one more try: it may be that nothing was wrong but the time.
    const isLast = giveUp.aborted || Date.now() + delayMs > untilMs;
    try {
      // If another process has ended the turn before, or an earlier try got through, that end counts.
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
