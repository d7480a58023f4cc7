import { isUpstreamMessageId } from '../../../src/chat/model/message-id';
import { ChatError } from '../../../src/chat/errors';
import type { Message } from '../../../src/chat/model/message';
import type { Owner } from '../../../src/chat/model/owner';
import type { Session } from '../../../src/chat/model/session';
import type {
  AbandonedTurn,
  NewTurn,
  SentTurn,
  TurnEnding,
  Checkpoint,
  SavedTurn,
} from '../../../src/chat/model/turn';
import type { TurnStore } from '../../../src/chat/ports/turn-store';

interface SessionRow extends Session {
  readonly ownerId: number;
  readonly title: string;
  readonly chatName?: string | undefined;
  readonly liveTurnId: string | null;
  readonly isDeleted: boolean;
}

interface TurnRow {
  readonly ownerId: number;
  readonly ownerDocumentId: string;
  readonly idempotency: NewTurn['idempotency'];
  readonly sessionRowId: number;
  readonly question: Message;
  readonly answer: Message;
  readonly aliveAt: Date;
  readonly taskId?: string | undefined;
  readonly isStopRequested?: boolean;
  readonly takeovers?: number;
  readonly isAnswerGone?: boolean;
  /** The repeat that has superseded the turn. */
  readonly supersededBy?: string | undefined;
}

/** A turn store in memory, with additional methods that let a test read and change its rows. */
export interface MemoryTurnStore extends TurnStore {
  sessions(): readonly SessionRow[];
  turns(): readonly SavedTurn[];
  turn(turnId: string): SavedTurn;
  deleteSession(sessionId: string): void;
  /** Deletes the answer as an admin would, while its turn may still be running. */
  deleteAnswer(turnId: string): void;
  /** Moves the last keep-alive of the turn this number of milliseconds into the past. */
  silence(turnId: string, ms: number): void;
}

export function createMemoryTurnStore(): MemoryTurnStore {
  const sessions = new Map<number, SessionRow>();
  const turns = new Map<string, TurnRow>();
  let lastId = 0;

  return {
    async findSession(owner, { sessionId, conversationId, chatId }) {
      const found = [...sessions.values()].filter(
        (row) =>
          row.ownerId === owner.id &&
          !row.isDeleted &&
          [sessionId, conversationId].every((id) => id === undefined || hasId(row, id)) &&
          (chatId === undefined || row.chatName === chatId || hasId(row, chatId)),
      );
      const row = found.at(-1);
      return row === undefined ? null : toSession(row);
    },

    async open(turn) {
      if (turn.idempotency !== null && findSent(turn.owner, turn.idempotency.key) !== null) {
        throw new Error('The key is taken.');
      }
      if (turn.session.rowId === null && isNameTaken(turn.owner, turn.session.chatName)) return false;
      const sessionRowId = turn.session.rowId ?? insertSession(turn);
      if (!claim(sessionRowId, turn)) return false;
      if (turn.supersedes !== null)
        supersede(sessionRowId, turn.supersedes, turn.isRepeat ? turn.turnId : undefined);
      turns.set(turn.turnId, {
        ownerId: turn.owner.id,
        ownerDocumentId: turn.owner.documentId,
        idempotency: turn.idempotency,
        sessionRowId,
        question: newMessage(turn, {
          messageId: turn.questionMessageId,
          role: 'user',
          files: turn.files,
          parentMessageId: turn.regenerates,
        }),
        answer: newMessage(turn, {
          messageId: turn.answerMessageId,
          role: 'assistant',
          outcome: 'pending',
          parentMessageId: turn.questionMessageId,
        }),
        aliveAt: new Date(),
      });
      return true;
    },

    async findSent(owner, key) {
      return findSent(owner, key);
    },

    async findNewestSent(owner, keyStart) {
      const sent = [...turns].filter(
        ([, { ownerId, idempotency }]) =>
          ownerId === owner.id && idempotency?.key.startsWith(keyStart) === true,
      );
      const newest = sent.at(-1);
      return newest === undefined ? null : savedTurn(newest[0]);
    },

    async checkpoint(turnId, progress) {
      const row = pending(turnId);
      if (row === undefined || row.takeovers !== undefined) return true;
      saveProgress(turnId, row, progress);
      return row.isStopRequested === true;
    },

    async isTakenOver(turnId) {
      return turns.get(turnId)?.takeovers !== undefined;
    },

    async identify(turnId, conversationId) {
      const row = turns.get(turnId);
      if (row === undefined) return false;
      turns.set(turnId, {
        ...row,
        question: { ...row.question, conversationId },
        answer: { ...row.answer, conversationId },
      });
      const session = sessions.get(row.sessionRowId);
      if (session?.liveTurnId === turnId) sessions.set(session.rowId, { ...session, conversationId });
      return session?.isDeleted !== true;
    },

    async keepAlive(turnIds, takenIds = []) {
      const own = (turnId: string) => {
        const row = pending(turnId);
        return row?.takeovers === undefined || takenIds.includes(turnId) ? row : undefined;
      };
      const all = [...turnIds, ...takenIds];
      for (const turnId of all) {
        const row = own(turnId);
        if (row !== undefined) turns.set(turnId, { ...row, aliveAt: new Date() });
      }
      return all.filter((turnId) => own(turnId) === undefined || own(turnId)?.isStopRequested === true);
    },

    async find(owner, turnId) {
      const row = turns.get(turnId);
      if (row === undefined || row.isAnswerGone === true) return null;
      return sessions.get(row.sessionRowId)?.ownerId === owner.id ? savedTurn(turnId) : null;
    },

    async requestStop(turnId) {
      const row = pending(turnId);
      if (row === undefined) return null;
      turns.set(turnId, { ...row, isStopRequested: true });
      return row.taskId ?? null;
    },

    async close(turnId, ending, takeovers = 0) {
      const row = pending(turnId);
      if (row !== undefined && (row.takeovers ?? 0) !== takeovers) return savedTurn(turnId);
      if (row !== undefined) end(turnId, saveProgress(turnId, row, ending), ending);
      if (row !== undefined && givesPlaceBack(ending)) givePlaceBack(turnId);
      else free(turnId, ending.conversationId);
      return savedTurn(turnId);
    },

    async *readEarlier({ session, turnId }) {
      for (const { sessionRowId, answer } of [...turns.values()].reverse()) {
        const isShown = !answer.isSuperseded && answer.turnId !== turnId && answer.answer !== '';
        if (sessionRowId !== session.rowId || !isShown) continue;
        yield { question: answer.query, answer: answer.answer ?? '' };
      }
    },

    async saveParent({ session, turnId }, conversationId) {
      const found = [...turns.values()]
        .reverse()
        .find(
          ({ sessionRowId, answer }) =>
            sessionRowId === session.rowId &&
            answer.turnId !== turnId &&
            !answer.isSuperseded &&
            answer.conversationId === conversationId &&
            ['completed', 'stopped'].includes(answer.outcome ?? '') &&
            isUpstreamMessageId(answer.messageId),
        );
      return found?.answer.messageId ?? null;
    },

    async findMessageId(owner, messageId) {
      const own = [...turns.values()].filter(({ ownerId }) => ownerId === owner.id);
      const messages = own.flatMap(({ question, answer }) => [question, answer]);
      return messages.find((message) => message.messageId === messageId)?.id ?? null;
    },

    async hasMessage(messageId) {
      return [...turns.values()].some(({ question, answer }) =>
        [question.messageId, answer.messageId].includes(messageId),
      );
    },

    async continueIn(turnId, conversationId) {
      const session = sessions.get(turns.get(turnId)?.sessionRowId ?? 0);
      if (session === undefined || session.conversationId !== null || session.liveTurnId !== null) return;
      if (session.upstreamId !== turns.get(turnId)?.answer.upstreamId) return;
      sessions.set(session.rowId, { ...session, conversationId });
    },

    async hasTwin(turnId) {
      const own = turns.get(turnId);
      return [...turns].some(
        ([id, { answer, ownerId, taskId }]) =>
          id !== turnId &&
          pending(id) !== undefined &&
          taskId === undefined &&
          ownerId === own?.ownerId &&
          answer.query === own.answer.query &&
          answer.conversationId === own.answer.conversationId,
      );
    },

    async claimAbandoned({ leaseMs }) {
      const isSilent = ({ aliveAt }: TurnRow) => leaseMs !== null && aliveAt.getTime() < Date.now() - leaseMs;
      const abandoned = [...turns].filter(([turnId, row]) => pending(turnId) !== undefined && isSilent(row));
      for (const [turnId, row] of turns) {
        if (row.isAnswerGone === true && leaseMs !== null) free(turnId, undefined);
      }
      for (const [turnId, row] of abandoned) {
        turns.set(turnId, { ...row, aliveAt: new Date(), takeovers: (row.takeovers ?? 0) + 1 });
        free(turnId, undefined);
      }
      return abandoned.map(([turnId, row]) => toAbandonedTurn(turnId, row));
    },

    sessions: () => [...sessions.values()],
    turns: () => [...turns.keys()].map(savedTurn),
    turn: savedTurn,
    deleteSession(sessionId) {
      const row = [...sessions.values()].find((session) => session.sessionId === sessionId);
      if (row !== undefined) sessions.set(row.rowId, { ...row, isDeleted: true });
    },
    silence(turnId, ms) {
      const row = turns.get(turnId);
      if (row !== undefined) turns.set(turnId, { ...row, aliveAt: new Date(Date.now() - ms) });
    },
    deleteAnswer(turnId) {
      const row = turns.get(turnId);
      if (row !== undefined) turns.set(turnId, { ...row, isAnswerGone: true });
    },
  };

  function isNameTaken(owner: Owner, name: string | undefined): boolean {
    const own = [...sessions.values()].filter((row) => row.ownerId === owner.id && !row.isDeleted);
    return name !== undefined && own.some(({ chatName }) => chatName === name);
  }

  function hasId(row: SessionRow, id: string): boolean {
    return row.sessionId === id || row.conversationId === id || hadConversation(row, id);
  }

  function hadConversation({ rowId }: SessionRow, conversationId: string): boolean {
    return [...turns.values()].some(
      ({ sessionRowId, answer }) => sessionRowId === rowId && answer.conversationId === conversationId,
    );
  }

  function findSent(owner: Owner, key: string): SentTurn | null {
    for (const [turnId, { ownerId, idempotency }] of turns) {
      if (ownerId === owner.id && idempotency?.key === key) {
        return { turnId, fingerprint: idempotency.fingerprint };
      }
    }
    return null;
  }

  function insertSession({ owner, session }: NewTurn): number {
    const rowId = ++lastId;
    const { sessionId, characterId, upstreamId, otherThreads } = session;
    const { title, chatName } = 'title' in session ? session : { title: '' };
    sessions.set(rowId, {
      rowId,
      sessionId,
      conversationId: null,
      characterId,
      upstreamId,
      otherThreads,
      title,
      chatName,
      ownerId: owner.id,
      liveTurnId: null,
      isDeleted: false,
    });
    return rowId;
  }

  function supersede(rowId: number, since: number, supersededBy: string | undefined): void {
    const mark = (message: Message) => ({
      ...message,
      isSuperseded: message.isSuperseded || message.id >= since,
    });
    for (const [turnId, row] of turns) {
      if (row.sessionRowId !== rowId) continue;
      const by = row.question.isSuperseded || row.question.id < since ? {} : { supersededBy };
      turns.set(turnId, { ...row, ...by, question: mark(row.question), answer: mark(row.answer) });
    }
  }

  function claim(rowId: number, { turnId, session, characterId, thread }: NewTurn): boolean {
    const row = sessions.get(rowId);
    if (row === undefined || row.isDeleted) throw new ChatError('session-not-found');
    if (row.liveTurnId !== null) {
      const details = { turn_id: row.liveTurnId, session_id: row.sessionId };
      throw new ChatError('turn-in-progress', { details });
    }
    const isAsRead =
      row.conversationId === session.conversationId &&
      row.upstreamId === session.upstreamId &&
      row.characterId === session.characterId;
    const { conversationId, upstreamId, otherThreads } = thread;
    const changed = { liveTurnId: turnId, characterId, conversationId, upstreamId, otherThreads };
    if (isAsRead) sessions.set(rowId, { ...row, ...changed });
    return isAsRead;
  }

  function newMessage(turn: NewTurn, of: Partial<Message> & Pick<Message, 'messageId' | 'role'>): Message {
    const id = ++lastId;
    return {
      id,
      documentId: `message-${id}`,
      query: turn.query,
      answer: '',
      conversationId: turn.thread.conversationId,
      sessionId: turn.session.sessionId,
      turnId: turn.turnId,
      characterId: turn.characterId,
      status: 'sent',
      outcome: null,
      errorCode: null,
      toolCalls: null,
      files: [],
      answerFiles: [],
      usage: null,
      feedback: null,
      parentMessageId: null,
      isSuperseded: false,
      upstreamId: turn.thread.upstreamId,
      isThreadRestarted: turn.thread.isRestarted,
      isTakenBack: false,
      lastEventId: null,
      createdAt: turn.createdAt,
      updatedAt: new Date(),
      ...of,
    };
  }

  /** Returns the row of a pending turn. A final state never changes, so only such a row is written. */
  function pending(turnId: string): TurnRow | undefined {
    const row = turns.get(turnId);
    return row?.answer.outcome === 'pending' && row.isAnswerGone !== true ? row : undefined;
  }

  /** Frees the session of a turn that has no pending answer. */
  function free(turnId: string, conversationId: string | undefined): void {
    const session = [...sessions.values()].find(({ liveTurnId }) => liveTurnId === turnId);
    if (session === undefined) return;
    const known = conversationId === undefined ? {} : { conversationId };
    sessions.set(session.rowId, { ...session, ...known, liveTurnId: null });
  }

  function saveProgress(turnId: string, row: TurnRow, progress: Checkpoint): TurnRow {
    const { messageId = row.answer.messageId, conversationId = row.answer.conversationId } = progress;
    const isTaken = [...turns].some(
      ([id, { question, answer }]) =>
        question.messageId === messageId || (id !== turnId && answer.messageId === messageId),
    );
    const answer: Message = {
      ...row.answer,
      answer: progress.answer,
      conversationId,
      lastEventId: progress.lastEventId,
      isTakenBack: row.answer.isTakenBack || progress.isTakenBack,
      messageId: isTaken ? row.answer.messageId : messageId,
      updatedAt: new Date(),
    };
    const saved = { ...row, answer, taskId: progress.taskId ?? row.taskId, aliveAt: new Date() };
    turns.set(turnId, saved);
    return saved;
  }

  function end(
    turnId: string,
    row: TurnRow,
    { outcome, errorCode, usage, files, isThreadRestarted, isTakenBack }: TurnEnding,
  ): void {
    const { conversationId } = row.answer;
    const end =
      row.isStopRequested === true
        ? { outcome: 'stopped' as const, errorCode: null }
        : { outcome, errorCode };
    turns.set(turnId, {
      ...row,
      question: { ...row.question, conversationId },
      answer: {
        ...row.answer,
        ...end,
        usage,
        answerFiles: files,
        isThreadRestarted: row.answer.isThreadRestarted || isThreadRestarted,
        isTakenBack: row.answer.isTakenBack || isTakenBack,
      },
    });
    const session = sessions.get(row.sessionRowId);
    if (session?.liveTurnId !== turnId) return;
    sessions.set(session.rowId, { ...session, conversationId, liveTurnId: null });
  }

  function givePlaceBack(repeatId: string): void {
    const older = [...turns].filter(([, { supersededBy }]) => supersededBy === repeatId);
    if (older.length > 0) mark(repeatId, true);
    for (const [turnId] of older) mark(turnId, false);
  }

  function mark(turnId: string, isSuperseded: boolean): void {
    const row = turns.get(turnId);
    if (row === undefined) return;
    const [question, answer] = [
      { ...row.question, isSuperseded },
      { ...row.answer, isSuperseded },
    ];
    turns.set(turnId, { ...row, question, answer, supersededBy: undefined });
  }

  function savedTurn(turnId: string): SavedTurn {
    const row = turns.get(turnId);
    if (row === undefined || row.isAnswerGone === true) throw new Error(`There is no turn ${turnId}.`);
    return [{ ...row.question, answer: row.answer.answer }, row.answer];
  }
}

/** See `NewTurn.isRepeat`. */
const givesPlaceBack = ({ outcome, answer, files }: TurnEnding): boolean =>
  outcome !== 'completed' && answer === '' && files.length === 0;

function toAbandonedTurn(
  turnId: string,
  { ownerDocumentId, taskId, answer, takeovers = 0 }: TurnRow,
): AbandonedTurn {
  return {
    turnId,
    ownerDocumentId,
    query: answer.query,
    createdAt: answer.createdAt,
    answer: answer.answer ?? '',
    messageId: taskId === undefined ? undefined : answer.messageId,
    conversationId: answer.conversationId,
    upstreamId: answer.upstreamId,
    takeovers: takeovers + 1,
  };
}

function toSession(row: SessionRow): Session {
  const { rowId, sessionId, conversationId, characterId, upstreamId, otherThreads } = row;
  return { rowId, sessionId, conversationId, characterId, upstreamId, otherThreads };
}

/** Returns the only session of an owner. @throws Error if the owner has none or several. */
export function onlySession(store: MemoryTurnStore, owner: Owner): SessionRow {
  const [row, ...others] = store.sessions().filter(({ ownerId }) => ownerId === owner.id);
  if (row === undefined || others.length > 0) throw new Error('There is not exactly one session.');
  return row;
}
