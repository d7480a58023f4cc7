import type { CharacterSource } from '../ports/character-source';
import { encodeCursor, parseMessagePageRequest, type Part } from '../contract/messages/query';
import type { Cursor, MessageQuery } from '../model/message-query';
import type { FileLinks } from '../contract/file/link';
import { toMessageReply, type MessageReply } from '../contract/messages/reply';
import type { MessageListReply, Pagination } from '../contract/messages/list-reply';
import { parseReplyFields, selectFields } from '../contract/messages/reply-fields';
import { characterIdsOf } from '../model/character';
import type { Owner } from '../model/owner';
import type { Message } from '../model/message';
import type { MessageStore } from '../ports/message-store';

export interface Messages {
  /**
   * Lists the owner's messages that a query string selects, newest first by default.
   * @throws ChatError `invalid-request`
   */
  list(
    owner: Owner,
    params: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<MessageListReply>;
  /** Returns messages of the owner as the HTTP API shows them. */
  toReplies(owner: Owner, messages: readonly Message[]): Promise<MessageReply[]>;
}

export interface MessagesOptions {
  readonly store: Pick<MessageStore, 'list'>;
  readonly characters: CharacterSource;
  readonly exposePrompt: boolean;
  readonly fileLinks: FileLinks;
}

export function createMessages({ store, characters, exposePrompt, fileLinks }: MessagesOptions): Messages {
  return {
    toReplies,
    async list(owner, params, signal) {
      const { query, part } = parseMessagePageRequest(params);
      const fields = parseReplyFields(params);
      // Read one more than requested, to know whether a next page exists.
      const { messages: found, total } = await store.list(
        owner,
        { ...query, limit: query.limit + 1 },
        signal,
      );
      const messages = found.slice(0, query.limit);
      const hasMore = found.length > messages.length;
      return {
        data: (await toReplies(owner, messages)).map((reply) => selectFields(reply, fields)),
        meta: {
          pagination: toPagination(part, total),
          nextCursor: hasMore ? toNextCursor(messages, query) : null,
        },
      };
    },
  };

  async function toReplies(owner: Owner, messages: readonly Message[]): Promise<MessageReply[]> {
    const known = await characters.findForDisplay(characterIdsOf(messages), owner.locale);
    const replyContext = { owner, characters: known, exposePrompt, links: fileLinks };
    return messages.map((message) => toMessageReply(message, replyContext));
  }
}

function toPagination(part: Part, total: number): Pagination {
  if ('start' in part) return { ...part, total };
  return { ...part, pageCount: Math.ceil(total / part.pageSize), total };
}

function toNextCursor(messages: readonly Message[], { sort }: MessageQuery): string | null {
  const last: Cursor | undefined = messages.at(-1);
  return last === undefined || sort.length > 0 ? null : encodeCursor(last);
}
