import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

import type { CharacterSource } from './ports/character-source';
import { ChatError } from './errors';
import { createFairQueue } from './shared/fair-queue';
import type { LiveTurns } from './stream/live-turns';
import { charsOf, type Message } from './model/message';
import type { Owner } from './model/owner';
import { type After, walk } from './shared/walk';
import { toSessionMessageReply, toSessionReply } from './contract/session-reply';
import type { TurnAccess } from './turn/access';
import type { Erased, UserOfData, OwnDataStore } from './ports/own-data-store';

export interface OwnData {
  /** Everything of the owner's that is not deleted, as JSON Lines, a few at a time: of any size. */
  export(owner: Owner): AsyncGenerator<string, void>;
  /** Stops the owner's turns and erases all their sessions and messages for good. */
  erase(owner: Owner): Promise<Erased>;
  /** The same of a user that is being deleted, also within a transaction: it waits for no turn. */
  eraseUser(user: UserOfData): Promise<Erased>;
  /** Erases what nobody can restore any more, until that is done or `signal` fires. */
  purge(signal: AbortSignal): Promise<Erased>;
}

export interface OwnDataOptions {
  readonly store: OwnDataStore;
  readonly characters: CharacterSource;
  readonly turns: Pick<TurnAccess, 'stop'>;
  readonly live: LiveTurns;
  /** For how long what is deleted can be restored. */
  readonly restorableMs: number;
}

/** About what a session is in an export. */
const charsOfSession = 500;

export function createOwnData({ store, characters, turns, live, restorableMs }: OwnDataOptions): OwnData {
  // Of any number of users at it, one batch at a time.
  const refuse = () => new ChatError('server-busy');
  const batches = createFairQueue({ total: 1, each: 1, waitingEach: Infinity, refuse });
  return {
    export: exportAll,
    async erase(owner) {
      await stopTurns(owner);
      return untilNone((limit) => store.eraseSome(owner, limit), {
        takeTurn: () => batches.enter(owner.id),
      });
    },
    eraseUser(user) {
      for (const turn of liveOf(user.id)) turn.requestEnd('stop');
      // Not in turn: it can be within a transaction that others are waiting for.
      return untilNone((limit) => store.eraseSome(user, limit));
    },
    purge(signal) {
      const deletedBefore = new Date(Date.now() - restorableMs);
      return untilNone((limit) => store.purgeSome(deletedBefore, limit), {
        takeTurn: () => batches.enter(nobody),
        signal,
      });
    },
  };

  async function* exportAll(owner: Owner): AsyncGenerator<string, void> {
    const { id, documentId, username, email } = owner;
    let head = toLine('user', { id, documentId, username, email });
    // Ids of rows begin at 1.
    const start: After = { id: 0, limit: Number.MAX_SAFE_INTEGER };
    const readSessions = async (after: After) =>
      (await store.listSessionsAfter(owner, after)).map((session) => ({ id: session.rowId, session }));
    const readMessages = (after: After) => store.listMessagesAfter(owner, after);
    for await (const page of walk(readSessions, start, () => charsOfSession)) {
      yield head + page.map(({ session }) => toLine('session', toSessionReply(session, owner))).join('');
      head = '';
    }
    for await (const messages of walk(readMessages, start, charsOf)) {
      yield head + (await toMessageLines(messages));
      head = '';
    }
    if (head !== '') yield head;
  }

  async function toMessageLines(messages: readonly Message[]): Promise<string> {
    const ids = new Set(messages.flatMap(({ characterId }) => characterId ?? []));
    const known = await characters.findForDisplay([...ids]);
    return messages
      .map((message) => {
        const character = message.characterId === null ? undefined : known.get(message.characterId);
        return toLine('message', {
          ...toSessionMessageReply(message),
          conversation_id: message.conversationId,
          error_code: message.errorCode,
          usage: message.usage,
          feedback: message.feedback,
          ai_character: character ? { documentId: character.documentId, name: character.name } : null,
        });
      })
      .join('');
  }

  function liveOf(userId: number) {
    return live.all().filter(({ ownerId }) => ownerId === userId);
  }

  /** Those of other processes are noted as stopped, and told to Dify; what they still save has no row to go to. */
  async function stopTurns(owner: Owner): Promise<void> {
    const here = liveOf(owner.id).map((turn) => {
      turn.requestEnd('stop');
      return turn.ended;
    });
    const anywhere = (await store.findLiveTurns(owner.id)).map((turnId) =>
      // Of a turn in a deleted session nothing is found; where it runs here, it is stopped all the same.
      turns.stop(owner, turnId).catch(() => undefined),
    );
    await Promise.all([...here, ...anywhere]);
  }
}

/** Rows that go in one statement, and how long others may wait for them on SQLite: long ones take longer to go. */
const firstRows = 100;
const minRows = 20;
const maxRows = 500;
const batchMs = 10;

/** The user whose batches those of a purge are. */
const nobody = 0;

interface Batches {
  /** Waits until no other batch is being erased. @returns what lets the next one begin. */
  readonly takeTurn?: () => Promise<() => void>;
  readonly signal?: AbortSignal;
}

/** Others come between two batches: none of them waits for more than one. */
async function untilNone(
  erase: (limit: number) => Promise<Erased>,
  { takeTurn, signal }: Batches = {},
): Promise<Erased> {
  const total = { sessions: 0, messages: 0 };
  let limit = firstRows;
  while (signal?.aborted !== true) {
    const endTurn = await takeTurn?.();
    const since = performance.now();
    const { sessions, messages } = await erase(limit).finally(endTurn);
    if (sessions === 0 && messages === 0) break;
    total.sessions += sessions;
    total.messages += messages;
    const fitting = Math.floor((limit * batchMs) / Math.max(performance.now() - since, 1));
    limit = Math.max(minRows, Math.min(fitting, 2 * limit, maxRows));
    await yieldToEventLoop();
  }
  return total;
}

function toLine(type: 'user' | 'session' | 'message', value: object): string {
  return `${JSON.stringify({ type, ...value })}\n`;
}
