import type { FoundAnswer } from '../../ports/upstream';
import { saveEndedConversation } from '../save-end';
import type { TurnOptions } from '../options';
import { toChatError } from '../../errors';
import { maxEventId } from '../../model/event-id';
import { describeError } from '../../shared/log';
import { toUpstreamUser } from '../../model/owner';
import { findLost, recover, type LostReply } from './recover';
import type { TurnSettings } from '../../settings';
import type { AbandonedTurn, TurnEnding } from '../../model/turn';

export type RescueOptions = Pick<
  TurnOptions,
  'settings' | 'upstreams' | 'store' | 'log' | 'onTurnEnded' | 'dropConversation'
>;

/** Ends the turns of processes that died. Saves the whole answer if the upstream has it, else the text so far. */
export interface Rescue {
  /** Takes over these turns and ends them in the background. */
  begin(turns: readonly AbandonedTurn[]): void;
  /** Returns the turns that it has taken over and not ended yet. */
  turnIds(): readonly string[];
  /** Takes over no further turns. Turns that have not ended stay pending for the next process. */
  stop(): Promise<void>;
}

/** How many turns the server looks up in the upstream at the same time. A process that died can leave hundreds. */
const concurrency = 8;
/**
 * How often a turn is claimed, a lease apart, while the upstream does not answer. After a power cut, the upstream
 * may start later.
 */
const maxUnansweredRounds = 5;

export function createRescue(options: RescueOptions): Rescue {
  const { settings, upstreams, store, log, onTurnEnded } = options;
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
      // Count before the first worker starts: each worker takes its turn off the queue immediately.
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
        // No process keeps the turn alive any more, so it is claimed again after a lease, unless it was erased.
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
    // The session is already free. Save this before the end: a client that sees the end may ask again immediately.
    if (ending.conversationId !== undefined) await store.continueIn(turn.turnId, ending.conversationId);
    const [, { outcome }] = await store
      .close(turn.turnId, ending, turn.takeovers)
      .finally(() => keep(turn, ending.conversationId));
    // Yet another process has taken the turn over, and will end it.
    if (outcome === 'pending') return;
    onTurnEnded(turn.turnId);
    log.warn(`Turn ${turn.turnId} of a process that died is now "${ending.outcome}".`);
  }

  async function keep(
    { turnId, ownerDocumentId, upstreamId }: AbandonedTurn,
    conversationId?: string,
  ): Promise<void> {
    if (ownerDocumentId === null || conversationId === undefined) return;
    const user = toUpstreamUser({ documentId: ownerDocumentId });
    await saveEndedConversation(options, { turnId, user, upstreamId }, conversationId);
  }

  async function look(turn: AbandonedTurn): Promise<FoundAnswer | 'unanswered' | null> {
    const lost = toLostReply(turn);
    const upstream = await upstreams.find(turn.upstreamId);
    if (lost === null || upstream === null || !upstream.savesAnswers) return null;
    const find = () => findLost({ upstream, store }, turn.turnId, lost);
    try {
      const found = await find();
      return found ?? (await recover({ find, recoveryMs: settings.recoveryMs, signal: stopping.signal }));
    } catch (error) {
      const rounds = (unansweredRounds.get(turn.turnId) ?? 0) + 1;
      unansweredRounds.set(turn.turnId, rounds);
      log.warn(`Turn ${turn.turnId}: the upstream cannot be asked for its answer: ${describeError(error)}`);
      return rounds < maxUnansweredRounds ? 'unanswered' : null;
    }
  }
}

/**
 * Returns the question to look up in the upstream. Null if its user is deleted, because the upstream needs the user.
 */
function toLostReply(turn: AbandonedTurn): LostReply | null {
  if (turn.ownerDocumentId === null) return null;
  return {
    user: toUpstreamUser({ documentId: turn.ownerDocumentId }),
    query: turn.query,
    askedAt: turn.createdAt,
    conversationId: turn.conversationId,
    messageId: turn.messageId,
    beginning: turn.answer,
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
    errorDetail: null,
    usage: null,
    files: [],
    isThreadRestarted: false,
    isTakenBack: false,
    firstTokenMs: null,
    lastEventId: maxEventId,
  };
}

/** Keeps the whole answer. Marks it as too long by the same limit as the pump. */
function toEnding(
  { answer, messageId, conversationId, files = [] }: FoundAnswer,
  { maxAnswerChars }: TurnSettings,
): TurnEnding {
  const ids = { messageId, conversationId, taskId: undefined, lastEventId: maxEventId };
  const found = {
    answer,
    usage: null,
    files,
    errorDetail: null,
    isThreadRestarted: false,
    isTakenBack: false,
    firstTokenMs: null,
    ...ids,
  };
  return answer.length > maxAnswerChars
    ? { ...found, outcome: 'interrupted', errorCode: 'answer-too-long' }
    : { ...found, outcome: 'completed', errorCode: null };
}
