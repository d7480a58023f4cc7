import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

import type { CharacterSource } from '../ports/character-source';
import type { FileStore, Upload } from '../ports/file-store';
import type { ExportLine } from '../contract/export-reply';
import { toTokenReply } from '../contract/token/reply';
import { toUploadReply } from '../contract/file/upload-reply';
import { ChatError } from '../errors';
import { createFairQueue } from '../shared/fair-queue';
import type { LiveTurns } from '../stream/live-turns';
import { characterIdsOf, type Character } from '../model/character';
import { charsOf, type Message } from '../model/message';
import type { Owner, PersonalToken } from '../model/owner';
import type { SessionEntry } from '../model/session';
import { type After, walk } from '../shared/walk';
import { toSessionMessageReply, toSessionReply } from '../contract/sessions/reply';
import type { TurnAccess } from '../turn/access';
import type { Erased, UserOfData, OwnDataStore } from '../ports/own-data-store';

export interface OwnData {
  /** Yields all data of the owner that is not deleted, as JSON Lines, a page at a time. The data can have any size. */
  export(owner: Owner): AsyncGenerator<string, void>;
  /** Stops the owner's turns and permanently erases all their sessions and messages. */
  erase(owner: Owner): Promise<Erased>;
  /**
   * Does the same for a user who is being deleted. It waits for no turn, so it can run inside a transaction. The caller
   * then wakes the cleanup of conversations.
   */
  eraseUser(user: UserOfData): Promise<Erased>;
  /** Erases everything that nobody can restore any more. Ends when all is erased or `signal` fires. */
  purge(signal: AbortSignal): Promise<Erased>;
}

export interface OwnDataOptions {
  readonly store: OwnDataStore;
  readonly files: Pick<FileStore, 'listAfter'>;
  /** Erases uploads that the server need not keep any more. */
  readonly purgeFiles: () => Promise<void>;
  readonly characters: CharacterSource;
  readonly turns: Pick<TurnAccess, 'stop'>;
  readonly live: LiveTurns;
  /** How long users can restore deleted sessions and messages. */
  readonly restorableMs: number;
  /** Called after data is erased. Its conversations must be deleted in Dify. */
  readonly onErased: () => void;
}

/** Leaves out the links of an answer's files, which would expire. */
const filesOf = ({ files, answerFiles }: Message) => [
  ...files,
  ...answerFiles.map(({ id, type }) => ({ id, type })),
];

/** Ids of rows begin at 1. */
const start: After = { id: 0, limit: Number.MAX_SAFE_INTEGER };
/** The approximate length of a session and of an upload in an export, in characters. */
const charsOfSession = 500;
const charsOfUpload = 300;

export function createOwnData(options: OwnDataOptions): OwnData {
  const { store, files, characters, turns, live, restorableMs, onErased, purgeFiles } = options;
  // One batch at a time, however many users erase their data.
  const refuse = () => new ChatError('server-busy');
  const batches = createFairQueue<number>({ total: 1, each: 1, waitingEach: Infinity, refuse });
  return {
    export: exportAll,
    async erase(owner) {
      await stopTurns(owner);
      return untilNone((limit) => store.eraseSome(owner, limit), {
        takeTurn: () => batches.enter(owner.id),
      }).finally(onErased);
    },
    eraseUser(user) {
      for (const turn of liveOf(user.id)) turn.requestEnd('stop');
      // Do not queue: this may run inside a transaction that others wait for.
      return untilNone((limit) => store.eraseSome(user, limit));
    },
    async purge(signal) {
      await purgeFiles();
      const deletedBefore = new Date(Date.now() - restorableMs);
      return untilNone((limit) => store.purgeSome(deletedBefore, limit), {
        takeTurn: () => batches.enter(nobody),
        signal,
      }).finally(onErased);
    },
  };

  async function* exportAll(owner: Owner): AsyncGenerator<string, void> {
    let head = toAccountLines(owner, await store.listTokens(owner));
    const readSessions = async (after: After) =>
      (await store.listSessionsAfter(owner, after)).map((session) => ({ id: session.rowId, session }));
    const readFiles = (after: After) => files.listAfter(owner, after);
    const readMessages = (after: After) => store.listMessagesAfter(owner, after);
    for await (const page of walk(readSessions, start, () => charsOfSession)) {
      const sessions = page.map(({ session }) => session);
      yield head + (await toSessionLines(sessions, owner));
      head = '';
    }
    for await (const messages of walk(readMessages, start, charsOf)) {
      yield head + (await toMessageLines(messages));
      head = '';
    }
    for await (const uploads of walk(readFiles, start, () => charsOfUpload)) {
      yield head + uploads.map(({ upload }) => toUploadLine(upload, owner)).join('');
      head = '';
    }
    if (head !== '') yield head;
  }

  async function toSessionLines(sessions: readonly SessionEntry[], owner: Owner): Promise<string> {
    const known = await characters.findForDisplay(characterIdsOf(sessions));
    return sessions.map((one) => toLine({ type: 'session', ...toSessionReply(one, owner, known) })).join('');
  }

  async function toMessageLines(messages: readonly Message[]): Promise<string> {
    const known = await characters.findForDisplay(characterIdsOf(messages));
    return messages.map((message) => toMessageLine(message, known)).join('');
  }

  function liveOf(userId: number) {
    return live.all().filter(({ ownerId }) => ownerId === userId);
  }

  /**
   * Stops the owner's turns and waits for those of this process. For turns of other processes, it notes the stop on the
   * row and sends it to Dify. Those processes may save later, but their rows are gone by then.
   */
  async function stopTurns(owner: Owner): Promise<void> {
    const here = liveOf(owner.id).map((turn) => {
      turn.requestEnd('stop');
      return turn.ended;
    });
    const anywhere = (await store.findLiveTurns(owner.id)).map((turnId) =>
      // `stop` does not find a turn of a deleted session. If it runs in this process, `requestEnd` has stopped it.
      turns.stop(owner, turnId).catch(() => undefined),
    );
    await Promise.all([...here, ...anywhere]);
  }
}

/**
 * Limits of the rows in one statement. Long rows take more time. So the number of rows changes until a batch takes
 * about `batchMs`: other requests wait that long on SQLite.
 */
const firstRows = 100;
const minRows = 20;
const maxRows = 500;
const batchMs = 10;

/** The queue key of a purge. No user has this id. */
const nobody = 0;

interface Batches {
  /** Waits until no other batch is being erased. @returns a function that lets the next batch begin. */
  readonly takeTurn?: () => Promise<() => void>;
  readonly signal?: AbortSignal;
}

/** Erases batches until nothing is left. Other requests run between two batches, so they wait for at most one. */
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

function toAccountLines(
  { id, documentId, username, email }: Owner,
  tokens: readonly PersonalToken[],
): string {
  const account = toLine({ type: 'user', id, documentId, username, email });
  return account + tokens.map((token) => toLine({ type: 'token', ...toTokenReply(token) })).join('');
}

function toMessageLine(message: Message, known: ReadonlyMap<string, Character>): string {
  const character = message.characterId === null ? undefined : known.get(message.characterId);
  return toLine({
    type: 'message',
    ...toSessionMessageReply(message),
    conversation_id: message.conversationId,
    files: filesOf(message),
    error_code: message.errorCode,
    usage: message.usage,
    feedback: message.feedback,
    ai_character: character ? { documentId: character.documentId, name: character.name } : null,
  });
}

const toUploadLine = (upload: Upload, owner: Owner): string =>
  toLine({ type: 'file', ...toUploadReply(upload, owner) });

function toLine(line: ExportLine): string {
  return `${JSON.stringify(line)}\n`;
}
