import { setTimeout } from 'node:timers/promises';

import type { Character } from '../model/character';
import { ChatError } from '../errors';
import type { LiveTurn } from '../stream/live-turns';
import { describeError } from '../shared/log';
import { toUpstreamUser, type Owner } from '../model/owner';
import { hasSeenEnd, type SavedTurnOptions } from '../stream/saved-turn';
import type { Batches } from '../stream/follower';
import type { SavedTurn } from '../model/turn';
import type { StreamFormat, TerminalWireEvent } from '../contract/stream-event';
import { createWireFormat, type TurnIds } from '../stream/formatter';
import type { TurnOptions } from './options';

/** A saved turn, and whether it is still being answered. */
export interface TurnState {
  readonly saved: SavedTurn;
  readonly isLive: boolean;
}

/** Returns the events of a turn until `signal` fires, by default whole. */
export type Follow = (signal: AbortSignal, format?: StreamFormat) => Batches;

/** The actions of an owner on a turn that has started. The turn can run in any process. */
export interface TurnAccess {
  /** @throws ChatError `turn-not-found` if the turn does not exist or belongs to another user. */
  find(owner: Owner, turnId: string): Promise<TurnState>;

  /**
   * Follows the events of a turn after `cursor`, until its end. Every follower gets the same events, at any node. If
   * those of another node cannot be read, the events come from the saved rows.
   * @returns null if the turn has ended and the client has all its events.
   * @throws ChatError `turn-not-found`
   */
  follow(owner: Owner, turnId: string, cursor: number): Promise<Follow | null>;

  /**
   * Waits for the end of a turn, in any process.
   * @returns its terminal event. Null if `signal` fires first, or a turn of another process is deleted.
   * @throws ChatError `turn-not-found`
   */
  awaitEnd(owner: Owner, turnId: string, signal: AbortSignal): Promise<TerminalWireEvent | null>;

  /**
   * Stops a turn and saves the text so far as `stopped`. Does nothing to a turn that has ended. The server sends the
   * stop to the upstream and reads the reply to its end. If the upstream does not end it, the server ends the turn
   * after `stopGraceMs`.
   * @returns the turn after its end. It is still pending if another process answers it and cannot be reached.
   * @throws ChatError `turn-not-found`
   */
  stop(owner: Owner, turnId: string): Promise<TurnState>;

  /**
   * Stops a turn that no client follows or waits for. Some clients can stop an answer only by leaving.
   * @returns false if a client reads it, or another process answers it. Then it goes on.
   */
  stopUnread(owner: Owner, turnId: string): Promise<boolean>;
}

export function createTurnAccess(options: TurnOptions): TurnAccess {
  const { settings, upstreams, store, characters, live, log, otherNodes, fileLinks: links } = options;
  return { find, follow, awaitEnd, stop, stopUnread };

  async function find(owner: Owner, turnId: string): Promise<TurnState> {
    const saved = await store.find(owner, turnId);
    if (saved === null) throw new ChatError('turn-not-found');
    return { saved, isLive: saved[1].outcome === 'pending' };
  }

  async function follow(owner: Owner, turnId: string, cursor: number): Promise<Follow | null> {
    const running = findRunning(owner, turnId);
    if (running !== undefined) return (signal, format) => running.follow(cursor, signal, format);
    const options = await findSaved(owner, turnId);
    if (hasSeenEnd(options.saved, cursor)) return null;
    return (signal, format) => otherNodes.follow(turnId, options, cursor, signal, format);
  }

  async function awaitEnd(owner: Owner, turnId: string, signal: AbortSignal) {
    const running = findRunning(owner, turnId);
    return running === undefined
      ? otherNodes.awaitEnd(turnId, await findSaved(owner, turnId), signal)
      : running.awaitEnd(signal);
  }

  function findRunning(owner: Owner, turnId: string): LiveTurn | undefined {
    const running = live.find(turnId);
    return running?.ownerId === owner.id ? running : undefined;
  }

  async function findSaved(owner: Owner, turnId: string): Promise<SavedTurnOptions> {
    const { saved } = await find(owner, turnId);
    const character = await findForDisplay(owner, saved[1].characterId);
    const { exposePrompt, checkpointEveryMs } = settings;
    return {
      saved,
      wire: createWireFormat({ ids: toIds(saved), owner, character, exposePrompt, links }),
      reload: () => store.find(owner, turnId),
      pollEveryMs: checkpointEveryMs,
    };
  }

  async function findForDisplay({ locale }: Owner, documentId: string | null): Promise<Character | null> {
    if (documentId === null) return null;
    return (await characters.findForDisplay([documentId], locale)).get(documentId) ?? null;
  }

  /**
   * Sends the stop to the upstream. If this fails, the answer continues to its end. It is still saved as `stopped`.
   */
  async function stopInUpstream(taskId: string, owner: Owner, [, answer]: SavedTurn): Promise<void> {
    try {
      await (await upstreams.find(answer.upstreamId))?.stop(taskId, toUpstreamUser(owner));
    } catch (error) {
      log.warn(`The stop request failed: ${describeError(error)}`);
    }
  }

  async function stop(owner: Owner, turnId: string): Promise<TurnState> {
    const state = await find(owner, turnId);
    if (!state.isLive) return state;
    const running = live.find(turnId);
    if (running === undefined) {
      const taskId = await store.requestStop(turnId);
      const hasEnded = await otherNodes.stop(turnId, await findSaved(owner, turnId));
      if (!hasEnded && taskId !== null) await stopInUpstream(taskId, owner, state.saved);
    } else {
      running.requestEnd('stop');
      await running.ended;
    }
    return find(owner, turnId);
  }

  async function stopUnread(owner: Owner, turnId: string): Promise<boolean> {
    const running = findRunning(owner, turnId);
    if (running === undefined) return !(await find(owner, turnId)).isLive;
    if (!(await isLeft(running))) return false;
    running.requestEnd('stop');
    await running.ended;
    return true;
  }
}

/** A client that leaves and asks on can be faster than the end of its first connection. */
const leavingMs = 500;
const checkEveryMs = 20;

/** Waits a moment for the last client of a turn to leave. @returns whether it has left. */
async function isLeft(turn: LiveTurn): Promise<boolean> {
  const untilMs = performance.now() + leavingMs;
  while (turn.isRead()) {
    if (performance.now() > untilMs) return false;
    await setTimeout(checkEveryMs);
  }
  return true;
}

function toIds([question, answer]: SavedTurn): TurnIds {
  return {
    turnId: answer.turnId ?? '',
    sessionId: answer.sessionId ?? '',
    conversationId: answer.conversationId,
    questionMessageId: question.messageId,
    answerMessageId: answer.messageId,
    createdAt: answer.createdAt,
    upstreamId: answer.upstreamId,
  };
}
