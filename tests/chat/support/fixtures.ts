import { defaultChoice, type Character } from '../../../src/chat/model/character';
import type { Log } from '../../../src/chat/shared/log';
import type { Message } from '../../../src/chat/model/message';
import type { Owner } from '../../../src/chat/model/owner';
import type { FileLinks } from '../../../src/chat/contract/file/link';
import type { LimitSettings, TurnSettings } from '../../../src/chat/settings';
import type { NewTurn, Thread, TurnEnding } from '../../../src/chat/model/turn';
import type { OwnerSource, UserSource } from '../../../src/chat/ports/users/user-source';

export const ada: Owner = { id: 1, documentId: 'doc-ada', username: 'ada', email: 'ada@example.org' };
export const bob: Owner = { id: 2, documentId: 'doc-bob', username: 'bob', email: 'bob@example.org' };

/** Knows the users Ada and Bob. */
export const users: UserSource = {
  findDocumentIds: async (ids) =>
    new Map([ada, bob].filter(({ id }) => ids.includes(id)).map(({ id, documentId }) => [id, documentId])),
  findIds: async (documentIds) =>
    new Map(
      [ada, bob]
        .filter(({ documentId }) => documentIds.includes(documentId))
        .map(({ id, documentId }) => [documentId, id]),
    ),
};

/** Knows the users Ada and Bob. Ada owns `session-1` and the message 5, which is also `msg-5`. */
export const ownerSource: OwnerSource = {
  find: async (reference) =>
    [ada, bob].find(({ id, documentId }) => [String(id), documentId].includes(reference)) ?? null,
  findOfSession: async (id) => (id === 'session-1' ? ada : null),
  findOfMessage: async (reference) =>
    ('id' in reference ? reference.id === 5 : reference.messageId === 'msg-5') ? ada : null,
};

export const keeper: Character = {
  id: 12,
  documentId: 'character-keeper',
  name: 'The keeper',
  prompt: 'You are Ada, a lighthouse keeper.',
  introduce: 'Keeps the light.',
  openingStatement: 'Come in, it is wet outside.',
  suggestedQuestions: ['How is the sea?'],
  upstream: defaultChoice,
  version: 3,
};

export const pirate: Character = {
  ...keeper,
  id: 14,
  documentId: 'character-pirate',
  name: 'The pirate',
  prompt: 'You are Anne Bonny.',
};

/** Makes links that show their file. */
export const links: FileLinks = { to: ({ id, messageId }) => `/link/${messageId}/${id}` };

export const turnSettings: TurnSettings = {
  exposePrompt: true,
  nameUsers: false,
  maxAnswerChars: 400_000,
  maxLogChars: 1_000_000,
  checkpointEveryMs: 20,
  stopGraceMs: 50,
  recoveryMs: 1,
  saveRetryMs: 1_000,
  leaseMs: 60_000,
};

/** No limit for a user, and room for 1000 live turns. */
export const limitSettings: LimitSettings = {
  turnsAtOnce: 0,
  turnsPerMinute: 0,
  tokensPerDay: 0,
  writesPerMinute: 0,
  charsPerDay: 0,
  maxLiveTurns: 1_000,
};

export function newTurn(changes: Partial<NewTurn> = {}): NewTurn {
  return {
    turnId: 'turn-1',
    owner: ada,
    session: newSession('session-1'),
    thread: newThread(changes.session?.conversationId ?? null),
    characterId: keeper.documentId,
    characterVersion: null,
    query: 'How is the sea?',
    files: [],
    questionMessageId: 'msg-question',
    answerMessageId: 'msg-answer',
    createdAt: new Date(),
    regenerates: null,
    supersedes: null,
    isRepeat: false,
    idempotency: null,
    ...changes,
  };
}

/** Returns where Dify's Service API continues, in this conversation. */
export function newThread(conversationId: string | null): Thread {
  return { upstreamId: 'dify', model: null, conversationId, otherThreads: {}, isRestarted: false };
}

export function newSession(sessionId: string, chatName?: string): NewTurn['session'] {
  return {
    rowId: null,
    sessionId,
    conversationId: null,
    upstreamId: null,
    otherThreads: {},
    characterId: keeper.documentId,
    title: 'How is the sea?',
    chatName,
  };
}

export function ending(changes: Partial<TurnEnding> = {}): TurnEnding {
  return {
    outcome: 'completed',
    errorCode: null,
    errorDetail: null,
    usage: null,
    isThreadRestarted: false,
    isTakenBack: false,
    firstTokenMs: null,
    answer: 'Calm.',
    files: [],
    taskId: 'dify-task',
    messageId: 'dify-message',
    conversationId: 'dify-conversation',
    lastEventId: 3,
    ...changes,
  };
}

export function message(changes: Partial<Message> = {}): Message {
  return {
    id: 1,
    documentId: 'message-1',
    messageId: 'msg-1',
    role: 'assistant',
    query: 'How is the sea?',
    answer: 'Calm.',
    conversationId: 'dify-conversation',
    sessionId: 'session-1',
    turnId: 'turn-1',
    characterId: keeper.documentId,
    status: 'sent',
    outcome: 'completed',
    errorCode: null,
    toolCalls: null,
    files: [],
    answerFiles: [],
    usage: { total_tokens: 50, currency: 'USD' },
    feedback: null,
    parentMessageId: 'msg-0',
    isSuperseded: false,
    upstreamId: null,
    isThreadRestarted: false,
    isTakenBack: false,
    lastEventId: null,
    createdAt: new Date('2026-01-02T03:04:05.678Z'),
    updatedAt: new Date('2026-01-02T03:04:06.789Z'),
    ...changes,
  };
}

/** Creates a log that keeps its lines, each with its level. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
}
