import type { CharacterSource } from '../../chat/ports/character-source';
import { ChatError } from '../../chat/errors';
import { toStorableText } from '../../chat/shared/storable-text';
import type { UserSource } from '../../chat/ports/user-source';
import {
  toCompletionRecord,
  toErrorRecord,
  type ChatCompletion,
  type CompletedRecord,
  type FailedCompletion,
} from '../records/completion';
import type { ConversationSummary, HistoryPage, HistoryStore, Scope, StoredRecord } from '../model/store';
import { toConversationReply, toRecordedMessages } from './reply';
import type { Characters, ConversationReply, RecordedMessage, UserIds } from './reply';
import { encodePosition, parseConversationPage, parseMessagePage, parseStatisticsRequest } from './request';
import type { UserReference, Whose } from './request';
import { foldBuckets, toStatisticsReply, type StatisticsReply } from './statistics';
import { tidyHistory } from '../tidy';

export interface ConversationPage {
  readonly conversations: readonly ConversationReply[];
  /** Where the next page begins; null on the last one. */
  readonly next_cursor: string | null;
}

export interface RecordedMessagePage {
  /** In the order they were said. */
  readonly messages: readonly RecordedMessage[];
  /** Of the messages before these; null where there are none. */
  readonly next_cursor: string | null;
}

/**
 * The history of finished generations, as its owners and administrators see it, some seconds behind. Every method throws
 * ChatError: `history-unavailable` while the store is away, `invalid-request` naming the parameter.
 */
export interface HistoryAccess {
  /** Latest first. `query`: `limit?`, and `offset?` or `cursor?`. */
  listConversations(whose: Whose, query: unknown): Promise<ConversationPage>;
  /** The latest ones. `query`: `limit?` (of messages), `cursor?`. @throws ChatError `conversation-not-found` */
  listMessages(whose: Whose, conversationId: string, query: unknown): Promise<RecordedMessagePage>;
  /**
   * Erases what a user has said in it so far, for good. What is being answered meanwhile is left out as well.
   * @throws ChatError `conversation-not-found`
   */
  deleteConversation(user: UserReference, conversationId: string): Promise<void>;
  /** `query`: `from?`, `to?`, `time_zone?`. */
  statistics(whose: Whose, query: unknown): Promise<StatisticsReply>;
  saveCompletion(completion: ChatCompletion): Promise<{ readonly recordId: string }>;
  saveError(failure: FailedCompletion): Promise<{ readonly recordId: string }>;
  /** What must be done once a day. @returns how many records were too old. */
  tidy(signal: AbortSignal): Promise<number>;
}

export interface HistoryAccessOptions {
  /** Null where none is set up: then the history is unavailable, and nothing else. */
  readonly store: HistoryStore | null;
  readonly characters: Pick<CharacterSource, 'findForDisplay'>;
  readonly users: UserSource;
  /** 0 means for ever. */
  readonly retentionDays: number;
}

export function createHistoryAccess({
  store,
  characters,
  users,
  retentionDays,
}: HistoryAccessOptions): HistoryAccess {
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
      const id = toConversationId(conversationId);
      const scope = await toScope(users, whose);
      const records = await ask((from) => from.listRecords(scope, id, withOneMore(page)));
      if (records.length === 0 && page.after === null) throw new ChatError('conversation-not-found');
      return toMessagePage(records, page.limit);
    },

    async deleteConversation(user, conversationId) {
      const id = toConversationId(conversationId);
      const scope = await toUserScope(users, user);
      const newest = { limit: 1, offset: 0, after: null };
      const [found] = await ask((from) => from.listRecords(scope, id, newest));
      // Not erased in advance: of what has not been copied yet, the caller has been shown nothing either.
      if (found === undefined) throw new ChatError('conversation-not-found');
      // What was shown is erased, whatever the clock of the process that saved it says.
      const before = new Date(Math.max(Date.now(), found.createdAt.getTime()) + 1);
      await ask((from) => from.erase({ ...scope, conversationId: id, before }));
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

  /** Whatever a store fails with, to everybody else it is away. */
  async function ask<T>(use: (store: HistoryStore) => Promise<T>): Promise<T> {
    if (store === null) throw new ChatError('history-unavailable');
    try {
      return await use(store);
    } catch (cause) {
      throw new ChatError('history-unavailable', { cause });
    }
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

/** A user who does not exist has nothing. */
async function toUserScope(users: UserSource, { id = 0, documentId }: UserReference) {
  return { userDocumentId: documentId ?? (await users.findDocumentIds([id])).get(id) ?? '' };
}

/** Looks nobody up where the user is given by both. */
async function findUserIds(
  users: UserSource,
  whose: Whose,
  found: readonly ConversationSummary[],
): Promise<UserIds> {
  if (whose !== 'everybody' && whose.id !== undefined && whose.documentId !== undefined)
    return new Map([[whose.documentId, whose.id]]);
  return users.findIds([...new Set(found.map(({ userDocumentId }) => userDocumentId))]);
}

/** @throws ChatError `invalid-request` where there is no such user. */
async function findUser(users: UserSource, userId: number): Promise<string> {
  const documentId = (await users.findDocumentIds([userId])).get(userId);
  if (documentId !== undefined) return documentId;
  const problem = { path: ['userId'], message: 'must be the id of a user' };
  throw new ChatError('invalid-request', {
    sentence: `userId ${problem.message}.`,
    details: { errors: [problem] },
  });
}

/** One more than asked for says whether there is a next page. */
function withOneMore(page: HistoryPage): HistoryPage {
  return { ...page, limit: page.limit + 1 };
}

/**
 * As many of these records, newest first, as have so many messages together; at least one, and none in part.
 * @param records one more than `limit`, if there are that many.
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

/** What is no id of any conversation is not found. */
function toConversationId(text: string): string {
  if (text === '' || text.length > 255) throw new ChatError('conversation-not-found');
  return toStorableText(text);
}
