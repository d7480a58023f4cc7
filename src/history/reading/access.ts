import type { CharacterSource } from '../../chat/ports/character-source';
import { ChatError } from '../../chat/errors';
import { findBySpelling } from '../../chat/shared/id-spellings';
import { toStorableText } from '../../chat/shared/storable-text';
import type { SessionSource } from '../../chat/ports/session-source';
import type { UserSource } from '../../chat/ports/users/user-source';
import {
  toCompletionRecord,
  toErrorRecord,
  type ChatCompletion,
  type CompletedRecord,
  type FailedCompletion,
} from '../records/completion';
import type { ConversationSummary, HistoryPage, HistoryStore, Scope, StoredRecord } from '../model/store';
import { createAsk } from './ask';
import { toConversationReply, toRecordedMessages } from './reply';
import type { Characters, ConversationPage, RecordedMessage, RecordedMessagePage, UserIds } from './reply';
import { encodePosition, parseConversationPage, parseMessagePage, parseStatisticsRequest } from './request';
import type { UserReference, Whose } from './request';
import { foldBuckets, toStatisticsReply, type StatisticsReply } from './statistics';
import { tidyHistory } from '../tidy';

/**
 * The history of finished generations for owners and administrators. It can lag by some seconds. A conversation is
 * named by its own id or by Dify's. Every method throws ChatError `history-unavailable` while the store is unavailable,
 * and `invalid-request` with the name of the wrong parameter. Errors of the main database pass through unchanged.
 */
export interface HistoryAccess {
  /** Returns conversations, latest first. `query`: `limit?`, and `offset?` or `cursor?`. */
  listConversations(whose: Whose, query: unknown): Promise<ConversationPage>;
  /**
   * Returns the latest messages. `query`: `limit?` (of messages), `cursor?`. @throws ChatError
   * `conversation-not-found`
   */
  listMessages(whose: Whose, conversationId: string, query: unknown): Promise<RecordedMessagePage>;
  /**
   * Erases permanently what a user has said in a conversation so far. This includes answers that are still running.
   * @throws ChatError `conversation-not-found`
   */
  deleteConversation(user: UserReference, conversationId: string): Promise<void>;
  /** Returns the sums of a range of days. `query`: `from?`, `to?`, `time_zone?`. */
  statistics(whose: Whose, query: unknown): Promise<StatisticsReply>;
  saveCompletion(completion: ChatCompletion): Promise<{ readonly recordId: string }>;
  saveError(failure: FailedCompletion): Promise<{ readonly recordId: string }>;
  /** Does the daily maintenance. @returns how many outdated records it removed. */
  tidy(signal: AbortSignal): Promise<number>;
}

export interface HistoryAccessOptions {
  /** Null if no history is configured. Then only the history is unavailable. */
  readonly store: HistoryStore | null;
  readonly characters: Pick<CharacterSource, 'findForDisplay'>;
  readonly users: UserSource;
  readonly sessions: SessionSource;
  /** 0 keeps all records. */
  readonly retentionDays: number;
}

export function createHistoryAccess({
  store,
  characters,
  users,
  sessions,
  retentionDays,
}: HistoryAccessOptions): HistoryAccess {
  const ask = createAsk(store);
  return {
    async listConversations(whose, query) {
      const page = parseConversationPage(query);
      const scope = await toScope(users, whose);
      const found = await ask((from) => from.listConversations(scope, withOneMore(page)));
      const conversations = found.slice(0, page.limit);
      const known = await findCharacters(conversations.map(({ characterId }) => characterId));
      const userIds = await findUserIds(users, whose, conversations);
      const last = found.length > conversations.length ? conversations.at(-1) : undefined;
      return {
        conversations: conversations.map((summary) => toConversationReply(summary, known, userIds)),
        next_cursor: last ? encodePosition({ timeMs: last.lastAt.getTime(), id: last.conversationId }) : null,
      };
    },

    async listMessages(whose, conversationId, query) {
      const page = parseMessagePage(query);
      const scope = await toScope(users, whose);
      const found = await listRecords(scope, toConversationId(conversationId), withOneMore(page));
      if (found === null && page.after === null) throw new ChatError('conversation-not-found');
      return toMessagePage(found?.records ?? [], page.limit);
    },

    async deleteConversation(user, conversationId) {
      const scope = await toUserScope(users, user);
      const newest = { limit: 1, offset: 0, after: null };
      const found = await listRecords(scope, toConversationId(conversationId), newest);
      // Do not erase in advance: the caller has not seen turns that are not copied yet.
      if (found === null) throw new ChatError('conversation-not-found');
      // Erase what the caller has seen, even if the process that saved it has a clock that is ahead.
      const times = found.records.map(({ createdAt }) => createdAt.getTime());
      const before = new Date(Math.max(Date.now(), ...times) + 1);
      await ask((from) => from.erase({ ...scope, conversationId: found.id, before }));
    },

    async statistics(whose, query) {
      const scope = await toScope(users, whose);
      const request = parseStatisticsRequest(query, Date.now());
      const from = new Date(request.days.at(0)?.startMs ?? 0);
      const to = new Date(request.days.at(-1)?.endMs ?? 0);
      const [buckets, conversations] = await ask((source) =>
        Promise.all([source.listBuckets(scope, from, to), source.countConversations(scope)]),
      );
      const fold = foldBuckets(buckets, request.days);
      const known = await findCharacters([...fold.characters.keys()]);
      return toStatisticsReply(fold, request, { conversations, characters: known });
    },

    saveCompletion: async (completion) => save(toCompletionRecord(completion)),
    saveError: async (failure) => save(toErrorRecord(failure)),
    tidy: async (signal) => (store === null ? 0 : tidyHistory({ store, retentionDays, signal })),
  };

  /**
   * Lists the records of a conversation. If none has this id, it can be Dify's id of a session.
   * @returns also the id by which the history has the conversation; null if it has no such record.
   */
  async function listRecords(scope: Scope, given: string, page: HistoryPage) {
    const list = async (id: string) => {
      const records = await ask((from) => from.listRecords(scope, id, page));
      return records.length > 0 ? { id, records } : null;
    };
    const found = await findBySpelling(given, list);
    if (found !== null) return found;
    const owner = scope === 'everybody' ? null : scope.userDocumentId;
    const sessionId = await findBySpelling(given, (id) => sessions.findSessionId(id, owner));
    return sessionId === null ? null : list(sessionId);
  }

  async function findCharacters(documentIds: readonly (string | null)[]): Promise<Characters> {
    return characters.findForDisplay([...new Set(documentIds.flatMap((id) => id ?? []))]);
  }

  async function save({ userId, ...record }: CompletedRecord): Promise<{ readonly recordId: string }> {
    const userDocumentId = await findUser(users, userId);
    await ask((to) => to.save([{ ...record, userDocumentId }]));
    return { recordId: record.recordId };
  }
}

async function toScope(users: UserSource, whose: Whose): Promise<Scope> {
  return whose === 'everybody' ? whose : toUserScope(users, whose);
}

/** Returns the scope of one user. A user who does not exist has no records. */
async function toUserScope(users: UserSource, { id = 0, documentId }: UserReference) {
  return { userDocumentId: documentId ?? (await users.findDocumentIds([id])).get(id) ?? '' };
}

/** Returns the row ids of the users. Skips the query if the request names the user by both ids. */
async function findUserIds(
  users: UserSource,
  whose: Whose,
  found: readonly ConversationSummary[],
): Promise<UserIds> {
  if (whose !== 'everybody' && whose.id !== undefined && whose.documentId !== undefined)
    return new Map([[whose.documentId, whose.id]]);
  return users.findIds([...new Set(found.map(({ userDocumentId }) => userDocumentId))]);
}

/**
 * Returns the documentId of a user.
 * @throws ChatError `invalid-request` if the user does not exist.
 */
async function findUser(users: UserSource, userId: number): Promise<string> {
  const documentId = (await users.findDocumentIds([userId])).get(userId);
  if (documentId !== undefined) return documentId;
  const problem = { path: ['userId'], message: 'must be the id of a user' };
  throw new ChatError('invalid-request', {
    sentence: `userId ${problem.message}.`,
    details: { errors: [problem] },
  });
}

/** Adds one to the limit: the extra item shows whether a next page exists. */
function withOneMore(page: HistoryPage): HistoryPage {
  return { ...page, limit: page.limit + 1 };
}

/**
 * Takes the newest records whose messages fit into `limit`, but at least one record, and only whole records.
 * @param records newest first, one more than `limit` if so many exist.
 */
function toMessagePage(records: readonly StoredRecord[], limit: number): RecordedMessagePage {
  const messages: RecordedMessage[] = [];
  let last: StoredRecord | undefined;
  for (const record of records.slice(0, limit)) {
    const some = toRecordedMessages(record);
    if (last !== undefined && messages.length + some.length > limit) break;
    messages.unshift(...some);
    last = record;
  }
  const isLastPage = last === records.at(-1);
  return { messages, next_cursor: last && !isLastPage ? encodePosition(last.position) : null };
}

/** Returns the storable id. A text that cannot be an id is not found. */
function toConversationId(text: string): string {
  if (text === '' || text.length > 255) throw new ChatError('conversation-not-found');
  return toStorableText(text);
}
