import type { AiSdkRequest, QuestionPlace } from '../contract/ai-sdk/request';
import { invalidRequest } from '../contract/invalid-request';
import { ChatError } from '../errors';
import type { Uploads } from '../file/uploads';
import type { Message } from '../model/message';
import type { Owner } from '../model/owner';
import type { Question } from '../model/question';
import type { SessionEntry } from '../model/session';
import type { NodeBus } from '../ports/nodes/node-bus';
import type { SessionStore } from '../ports/session-store';
import { isUuid } from '../shared/id-spellings';
import type { Follow } from '../turn/access';
import type { KeyedRequest, Sent } from '../turn/send';
import type { Turns } from '../turn/turns';
import type { SessionAccess } from './access';
import type { CharacterSessions } from './character-sessions';
import { endUnread } from './find-thread';
import { createOpeningQuestions } from './opening-questions';

/**
 * Chats as the AI SDK knows them. The id of a chat is that of a session, or a name that the client has chosen. Names
 * are kept for each user.
 */
export interface ClientChats {
  /** @throws ChatError `session-not-found` */
  find(owner: Owner, chatId: string): Promise<SessionEntry>;
  /**
   * Asks a question, or one of the chat again. A new chat begins with its first question. An answer that nobody reads
   * any more is stopped first. A stop of the chat since the call stops the turn when it opens.
   * @param read reads the request.
   * @throws ChatError as `Turns.send`, `turn-in-progress` if a client still reads an answer, `session-not-found` and
   *   `message-not-found` for a question that is to be asked again.
   */
  send(owner: Owner, read: () => Promise<ChatRequest>): Promise<Sent>;
  /** Follows the running answer from its start. Null if none runs, also for an unknown chat. */
  follow(owner: Owner, chatId: string): Promise<Follow | null>;
  /** Stops the running answer, and waits for its end. Does nothing if none runs, also for an unknown chat. */
  stop(owner: Owner, chatId: string): Promise<void>;
}

export interface ChatRequest extends Partial<KeyedRequest> {
  readonly request: AiSdkRequest;
}

export interface ClientChatsOptions {
  readonly store: Pick<SessionStore, 'findChat' | 'findMessage' | 'listAnswers' | 'listMessagesAfter'>;
  readonly turns: Pick<
    Turns,
    'send' | 'sendKeyed' | 'regenerate' | 'find' | 'follow' | 'stop' | 'stopUnread'
  >;
  readonly sessions: Pick<SessionAccess, 'reviseQuestion'>;
  readonly characterSessions: Pick<CharacterSessions, 'findCharacter'>;
  readonly uploads: Pick<Uploads, 'addInline'>;
  readonly bus: NodeBus;
}

export function createClientChats(options: ClientChatsOptions): ClientChats {
  const { store, turns } = options;
  const opening = createOpeningQuestions(options.bus);
  return {
    find: (owner, chatId) => findChat(store, owner, chatId),
    async send(owner, read) {
      const question = opening.add(owner);
      let stopping: Promise<unknown> = Promise.resolve();
      try {
        const asked = await read();
        question.setChat(asked.request.chatId);
        const sent = await ask(options, owner, asked);
        if (question.isStopped()) stopping = turns.stop(owner, sent.turnId);
        return sent;
      } finally {
        // If the stop fails, the answer ends by itself.
        void stopping.catch(() => undefined).finally(question.remove);
      }
    },
    async follow(owner, chatId) {
      const turnId = (await store.findChat(owner, chatId))?.liveTurnId ?? null;
      return turnId === null ? null : unlessGone(turns.follow(owner, turnId, 0));
    },
    async stop(owner, chatId) {
      // Before the turn is looked up: a question that opens its turn until then is stopped by the other way.
      const opened = opening.stop(owner, chatId);
      const turnId = (await store.findChat(owner, chatId))?.liveTurnId ?? null;
      if (turnId !== null) await unlessGone(turns.stop(owner, turnId));
      await opened;
    },
  };
}

async function ask(
  options: ClientChatsOptions,
  owner: Owner,
  { request, key, body }: ChatRequest,
): Promise<Sent> {
  if (request.action !== 'ask') return sendAgain(options, owner, request, key);
  const toQuestion = () => toNewQuestion(options, owner, request);
  return key === undefined
    ? options.turns.send(await toQuestion(), undefined)
    : options.turns.sendKeyed(owner, { key, body }, toQuestion);
}

/** Returns null if the turn was deleted meanwhile. */
async function unlessGone<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ChatError && error.code === 'turn-not-found') return null;
    throw error;
  }
}

async function findChat(
  store: ClientChatsOptions['store'],
  owner: Owner,
  chatId: string,
): Promise<SessionEntry> {
  const session = await store.findChat(owner, chatId);
  if (session === null) throw new ChatError('session-not-found');
  return session;
}

async function toNewQuestion(
  { store, turns, characterSessions, uploads }: ClientChatsOptions,
  owner: Owner,
  { chatId, characterId, query, files }: AiSdkRequest,
): Promise<Question> {
  const session = await store.findChat(owner, chatId);
  const reference = characterId ?? session?.characterId ?? null;
  if (reference === null)
    throw invalidRequest('character_id is missing. Send the id of the character that answers in a new chat.');
  if (session !== null) await endUnread(turns, owner, session);
  const { documentId } = await characterSessions.findCharacter(owner, reference);
  return {
    owner,
    characterId: documentId,
    query,
    files: await uploads.addInline(owner, documentId, files),
    session: { chatId },
    inputs: {},
  };
}

/** Asks a question of the chat again, in the same words or in others. */
async function sendAgain(
  { store, turns, sessions, uploads }: ClientChatsOptions,
  owner: Owner,
  { chatId, action, place, query, files }: AiSdkRequest,
  idempotencyKey: string | undefined,
): Promise<Sent> {
  const session = await findChat(store, owner, chatId);
  const { id, turnId } = await findQuestion({ store, turns }, owner, session, place);
  // A repeated request must join its turn, and must not stop it.
  if (idempotencyKey === undefined) await endUnread(turns, owner, session);
  if (action === 'regenerate') return turns.regenerate(owner, turnId, { inputs: {}, idempotencyKey });
  const added =
    session.characterId === null ? [] : await uploads.addInline(owner, session.characterId, files);
  return sessions.reviseQuestion(owner, { id }, { content: query, files: added, idempotencyKey });
}

interface Asked {
  /** The `Message.id` of the question. */
  readonly id: number;
  readonly turnId: string;
}

/** Lines between an answer and the next question of a turn: those that a client has added. */
const maxLinesBetween = 100;

/**
 * Finds the question that a client means. The id of a question can be the client's own. Then the place counts: the
 * question is the next one after the answer that the client has. Without a place, it is the newest one.
 */
async function findQuestion(
  { store, turns }: Pick<ClientChatsOptions, 'store' | 'turns'>,
  owner: Owner,
  session: SessionEntry,
  { messageId, previousId }: QuestionPlace,
): Promise<Asked> {
  const found =
    (messageId === undefined ? null : await findNamed(messageId)) ??
    (previousId === undefined ? await findNewest() : await findAfter(previousId));
  if (found === null) throw new ChatError('message-not-found');
  return found;

  async function findNamed(id: string): Promise<Asked | null> {
    const message = await store.findMessage(owner, { messageId: id });
    const turnId = message === null ? id : message.turnId;
    return turnId === null ? null : (await findTurn(turnId)).question;
  }

  async function findTurn(turnId: string): Promise<{ question: Asked | null; answer: Message | null }> {
    const state = isUuid(turnId) ? await unlessGone(turns.find(owner, turnId)) : null;
    const [question, answer] = state?.saved ?? [];
    if (question === undefined || answer === undefined || question.sessionId !== session.sessionId)
      return { question: null, answer: null };
    return { question: { id: question.id, turnId }, answer };
  }

  async function findAfter(answerId: string | null): Promise<Asked | null> {
    const before = answerId === null ? null : (await findTurn(answerId)).answer;
    if (answerId !== null && before === null) return findNewest();
    const range = { id: before?.id ?? 0, limit: maxLinesBetween };
    const lines = await store.listMessagesAfter(owner, session, range);
    const next = lines.find(
      ({ role, turnId, isSuperseded }) => role === 'user' && turnId !== null && !isSuperseded,
    );
    return next === undefined || next.turnId === null ? null : { id: next.id, turnId: next.turnId };
  }

  async function findNewest(): Promise<Asked | null> {
    const [answer] = await store.listAnswers(owner, session, { beforeId: null, limit: 1 });
    return answer === undefined || answer.turnId === null ? null : (await findTurn(answer.turnId)).question;
  }
}
