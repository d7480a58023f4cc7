import type { Core } from '@strapi/strapi';

import {
  parseConversationId,
  parseConversationMessage,
  parseConversationPage,
  parseConversationPart,
  parseConversationRequest,
  parseUserId,
  parseUserTarget,
  storedChars,
  storedCharsOf,
  toConversationMessageReply,
  toConversationReply,
  type ConversationMessageReply,
  type ConversationReply,
  type MessageRole,
} from '../../../chat';
import { chatOf } from '../../../app';

/** The numeric id or the documentId of a user. */
type UserId = string | number;

/** A conversation by its id, a UUID. */
interface ConversationTarget {
  readonly conversation_id: string;
  /** If it is not the owner of the conversation, the call rejects as for an unknown conversation. */
  readonly user_id?: UserId | undefined;
}

/**
 * Conversations and their messages for other code of the same Strapi: `strapi.service('api::conversation.conversation')`.
 * The arguments and results have the names of the conversation API. Each function acts as the owner, within the limits of
 * the owner. It rejects with a ChatError whose `code` is an error code of the API.
 */
export interface ConversationService {
  /** Returns the conversation with the user's newest message, or a new one. With `new`, always creates one. */
  getOrCreateConversation(args: {
    readonly user_id: UserId;
    readonly new?: boolean | undefined;
  }): Promise<ConversationReply>;
  /** Adds a message. No character answers it. */
  addMessage(
    args: ConversationTarget & {
      readonly role: MessageRole;
      /** Must not be empty, unless `tool_calls` is given. */
      readonly content: string;
      /** An object or a list. */
      readonly tool_calls?: unknown;
    },
  ): Promise<ConversationMessageReply>;
  /** Returns all messages, oldest first, or at most `limit` of them after the one with the id `after`. */
  getChatHistory(
    args: ConversationTarget & { readonly limit?: number | undefined; readonly after?: string | undefined },
  ): Promise<ConversationMessageReply[]>;
  /** Returns at most `limit` (1000) conversations of a user, the one with the newest message first. */
  getUserConversations(args: {
    readonly user_id: UserId;
    readonly limit?: number | undefined;
    readonly offset?: number | undefined;
  }): Promise<ConversationReply[]>;
}

export default ({ strapi }: { strapi: Core.Strapi }): ConversationService => ({
  async getOrCreateConversation(args) {
    const { owners, sessions, writes } = chatOf(strapi);
    const { isNew } = parseConversationRequest(args, undefined);
    const owner = await owners.find(parseUserTarget(args));
    await writes.count(owner, storedChars(''));
    const session = isNew
      ? await sessions.create(owner, { title: '', character: undefined })
      : await sessions.findLatestOrCreate(owner);
    return toConversationReply(session, owner);
  },

  async addMessage(args) {
    const { owners, sessions, settings, writes } = chatOf(strapi);
    const id = parseConversationId(args.conversation_id);
    const message = parseConversationMessage(args, undefined, settings.request);
    const owner = await owners.ofSession(id, parseUserId(args));
    await writes.count(owner, storedCharsOf(message));
    return toConversationMessageReply(await sessions.addMessage(owner, id, message));
  },

  async getChatHistory(args) {
    const { owners, sessions } = chatOf(strapi);
    const id = parseConversationId(args.conversation_id);
    const part = parseConversationPart(args);
    const owner = await owners.ofSession(id, parseUserId(args));
    const history: ConversationMessageReply[] = [];
    for await (const messages of await sessions.walkMessages(owner, id, part)) {
      history.push(...messages.map(toConversationMessageReply));
    }
    return history;
  },

  async getUserConversations(args) {
    const { owners, sessions } = chatOf(strapi);
    const range = parseConversationPage(args);
    const owner = await owners.find(parseUserTarget(args));
    const { items } = await sessions.list(owner, range);
    return items.map((session) => toConversationReply(session, owner));
  },
});
