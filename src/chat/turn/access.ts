import type { Character } from '../model/character';
import { ChatError } from '../errors';
import type { LiveTurn } from '../stream/live-turns';
import { describeError } from '../shared/log';
import { toUpstreamUser, type Owner } from '../model/owner';
import { endOfSaved, followSaved, type SavedTurnOptions } from '../stream/saved-turn';
import type { Frame } from '../stream/sse';
import type { SavedTurn } from '../model/turn';
import type { TerminalWireEvent } from '../contract/stream-event';
import { createWireFormat, type TurnIds } from '../stream/formatter';
import type { TurnOptions } from './options';

/** A turn of its owner: what is saved of it, and whether it is still being answered. */
export interface TurnState {
  readonly saved: SavedTurn;
  readonly isLive: boolean;
}

export type Follow = (signal: AbortSignal) => AsyncGenerator<readonly Frame[], void>;

/** What an owner can do with a turn once it has begun, in whichever process it runs. */
export interface TurnAccess {
  /** @throws ChatError `turn-not-found`: it does not exist, or is somebody else's. */
  find(owner: Owner, turnId: string): Promise<TurnState>;

  /**
   * The events of a turn after `cursor`, then those to come, to its end: of one that runs here exactly what every
   * follower is told; of any other what is saved of it.
   * @throws ChatError `turn-not-found`
   */
  follow(owner: Owner, turnId: string, cursor: number): Promise<Follow>;

  /**
   * Waits for the end of a turn, wherever it runs.
   * @returns its terminal event; null when `signal` fires first, or the turn is deleted meanwhile.
   * @throws ChatError `turn-not-found`
   */
  awaitEnd(owner: Owner, turnId: string, signal: AbortSignal): Promise<TerminalWireEvent | null>;

  /**
   * Ends a turn with the text so far, saved as `stopped`. Dify is told, and read on to its end; if it does not come to
   * one, the turn ends on our side after `stopGraceMs`. Does nothing to a turn that has ended.
   * @returns the turn once it has ended; still pending if another process answers it and is yet to notice.
   * @throws ChatError `turn-not-found`
   */
  stop(owner: Owner, turnId: string): Promise<TurnState>;
}

export function createTurnAccess(options: TurnOptions): TurnAccess {
  const { settings, upstream, store, characters, live, log } = options;
  return { find, follow, awaitEnd, stop };

  async function find(owner: Owner, turnId: string): Promise<TurnState> {
    const saved = await store.find(owner, turnId);
    if (saved === null) throw new ChatError('turn-not-found');
    return { saved, isLive: saved[1].outcome === 'pending' };
  }

  async function follow(owner: Owner, turnId: string, cursor: number): Promise<Follow> {
    const running = findRunning(owner, turnId);
    if (running !== undefined) return (signal) => running.follow(cursor, signal);
    const saved = await findSaved(owner, turnId);
    return (signal) => followSaved(saved, cursor, signal);
  }

  async function awaitEnd(owner: Owner, turnId: string, signal: AbortSignal) {
    const running = findRunning(owner, turnId);
    return running === undefined ? endOfSaved(await findSaved(owner, turnId), signal) : running.ended;
  }

  function findRunning(owner: Owner, turnId: string): LiveTurn | undefined {
    const running = live.find(turnId);
    return running?.ownerId === owner.id ? running : undefined;
  }

  async function findSaved(owner: Owner, turnId: string): Promise<SavedTurnOptions> {
    const { saved } = await find(owner, turnId);
    const character = await findForDisplay(saved[1].characterId);
    const { exposePrompt, checkpointEveryMs } = settings;
    return {
      saved,
      wire: createWireFormat({ ids: toIds(saved), owner, character, exposePrompt }),
      reload: () => store.find(owner, turnId),
      pollEveryMs: checkpointEveryMs,
    };
  }

  async function findForDisplay(documentId: string | null): Promise<Character | null> {
    if (documentId === null) return null;
    return (await characters.findForDisplay([documentId])).get(documentId) ?? null;
  }

  /** The stop is noted by then; if Dify cannot be told, the answer goes on to its end and is saved as stopped. */
  async function tellDify(taskId: string, owner: Owner): Promise<void> {
    try {
      await upstream.stop(taskId, toUpstreamUser(owner));
    } catch (error) {
      log.warn(`Dify could not be told to stop: ${describeError(error)}`);
    }
  }

  async function stop(owner: Owner, turnId: string): Promise<TurnState> {
    const state = await find(owner, turnId);
    if (!state.isLive) return state;
    const running = live.find(turnId);
    if (running === undefined) {
      const taskId = await store.requestStop(turnId);
      if (taskId !== null) await tellDify(taskId, owner);
    } else {
      running.requestEnd('stop');
      await running.ended;
    }
    return find(owner, turnId);
  }
}

function toIds([question, answer]: SavedTurn): TurnIds {
  return {
    turnId: answer.turnId ?? '',
    sessionId: answer.sessionId ?? '',
    conversationId: answer.conversationId,
    questionMessageId: question.messageId,
    answerMessageId: answer.messageId,
    createdAt: answer.createdAt,
  };
}
