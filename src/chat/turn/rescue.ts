import type { FoundAnswer, LostAnswer } from '../ports/upstream';
import type { TurnOptions } from './options';
import { toChatError } from '../errors';
import { describeError } from '../shared/log';
import { toUpstreamUser } from '../model/owner';
import { findLost, recover } from './recover';
import type { TurnSettings } from '../settings';
import type { AbandonedTurn, TurnEnding } from '../model/turn';

export type RescueOptions = Pick<TurnOptions, 'settings' | 'upstream' | 'store' | 'log' | 'onTurnEnded'>;

/** Brings the turns of processes that died to their end: whole if Dify has the answer, else with the text so far. */
export interface Rescue {
  /** Takes these on, behind the caller's back. */
  begin(turns: readonly AbandonedTurn[]): void;
  /** The turns it has taken on and not yet ended. */
  turnIds(): readonly string[];
  /** Takes on nothing more. What is not ended by then stays pending, for the next process. */
  stop(): Promise<void>;
}

/** Dify is asked for so many turns at once. A process that died can have left hundreds. */
const concurrency = 8;
/** After a power cut Dify may come up later than we do: a turn is let go and claimed again so often, a lease apart. */
const maxUnansweredRounds = 5;

export function createRescue({ settings, upstream, store, log, onTurnEnded }: RescueOptions): Rescue {
  const queue: AbandonedTurn[] = [];
  const inHand = new Set<string>();
  const unansweredRounds = new Map<string, number>();
  const workers = new Set<Promise<void>>();
  const stopping = new AbortController();

  return {
    begin(turns) {
      if (stopping.signal.aborted) return;
      queue.push(...turns);
      for (const { turnId } of turns) inHand.add(turnId);
      // Told before the first begins: each takes its turn off the queue at once.
      const begun = Math.min(concurrency - workers.size, queue.length);
      for (let count = 0; count < begun; count += 1) {
        const worker: Promise<void> = work().finally(() => workers.delete(worker));
        workers.add(worker);
      }
    },
    turnIds: () => [...inHand],
    async stop() {
      stopping.abort();
      queue.length = 0;
      inHand.clear();
      await Promise.all(workers);
    },
  };

  async function work(): Promise<void> {
    for (let turn = queue.shift(); turn !== undefined; turn = queue.shift()) {
      try {
        await end(turn);
      } catch (error) {
        // Nobody keeps it alive any more, so it is claimed again after a lease. Unless it was erased meanwhile.
        if (toChatError(error).code !== 'turn-not-found')
          log.error(`Turn ${turn.turnId} of a process that died could not be ended: ${describeError(error)}`);
      }
      inHand.delete(turn.turnId);
    }
  }

  async function end(turn: AbandonedTurn): Promise<void> {
    const found = await look(turn);
    if (found === 'unanswered' || stopping.signal.aborted) return;
    unansweredRounds.delete(turn.turnId);
    const ending = found === null ? toInterrupted(turn) : toEnding(found, settings);
    // Its session is free by now. Before the end, for who sees the end may ask on at once.
    if (ending.conversationId !== undefined) await store.continueIn(turn.turnId, ending.conversationId);
    await store.close(turn.turnId, ending);
    onTurnEnded();
    log.warn(`Turn ${turn.turnId} of a process that died is now "${ending.outcome}".`);
  }

  async function look(turn: AbandonedTurn): Promise<FoundAnswer | 'unanswered' | null> {
    const lost = toLostAnswer(turn);
    if (lost === null) return null;
    const find = () => findLost({ upstream, store }, turn.turnId, lost);
    try {
      const found = await find();
      return found ?? (await recover({ find, recoveryMs: settings.recoveryMs, signal: stopping.signal }));
    } catch (error) {
      const rounds = (unansweredRounds.get(turn.turnId) ?? 0) + 1;
      unansweredRounds.set(turn.turnId, rounds);
      log.warn(`Turn ${turn.turnId}: Dify cannot be asked for its answer: ${describeError(error)}`);
      return rounds < maxUnansweredRounds ? 'unanswered' : null;
    }
  }
}

/** Null where nobody can be asked for it: its user is deleted. */
function toLostAnswer(turn: AbandonedTurn): LostAnswer | null {
  if (turn.ownerDocumentId === null) return null;
  return {
    user: toUpstreamUser({ documentId: turn.ownerDocumentId }),
    query: turn.query,
    askedAt: turn.createdAt,
    conversationId: turn.conversationId,
    messageId: turn.messageId,
  };
}

function toInterrupted({ answer, messageId, conversationId }: AbandonedTurn): TurnEnding {
  return {
    answer,
    messageId,
    conversationId: conversationId ?? undefined,
    taskId: undefined,
    outcome: 'interrupted',
    errorCode: 'process-died',
    usage: null,
  };
}

/** Cut off is nothing of it, but what the pump would have called too long is too long here. */
function toEnding(
  { answer, messageId, conversationId }: FoundAnswer,
  { maxAnswerChars }: TurnSettings,
): TurnEnding {
  const found = { answer, messageId, conversationId, taskId: undefined, usage: null };
  return answer.length > maxAnswerChars
    ? { ...found, outcome: 'interrupted', errorCode: 'answer-too-long' }
    : { ...found, outcome: 'completed', errorCode: null };
}
