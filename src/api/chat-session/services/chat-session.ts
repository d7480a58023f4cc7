import { factories, type Core } from '@strapi/strapi';

import {
  parseEdit,
  parseMessageTarget,
  parseNewMessage,
  parseNewTitle,
  parsePage,
  parseSelection,
  parseSessionFilter,
  parseSessionTarget,
  parseSessionWish,
  parseUserTarget,
  storedChars,
  storedCharsOf,
  toSessionMessageReply,
  type MessageRole,
  type SessionMessageReply,
  type SessionReply,
} from '../../../chat';
import { chatOf } from '../../../app';
import { messagePageSize, sessionPageSize } from '../envelope';

/** The numeric id or the documentId of a user. */
type UserId = string | number;

interface SessionTarget {
  readonly session_id: string;
  /** If it is not the owner of the session, the call rejects as for an unknown session. */
  readonly user_id?: UserId | undefined;
}

interface MessageTarget {
  /** The `message_id` or the `public_id` of a message. */
  readonly message_id: number | string;
  /** If it is not the owner of the message, the call rejects as for an unknown message. */
  readonly user_id?: UserId | undefined;
}

interface Page {
  readonly page?: number | undefined;
  readonly page_size?: number | undefined;
}

/**
 * Sessions and their messages for other code of the same Strapi: `strapi.service('api::chat-session.chat-session')`.
 * The arguments and results have the names of the session API. Each function acts as the owner, within the limits of the
 * owner. It rejects with a ChatError whose `code` is an error code of the API.
 */
export interface SessionFunctions {
  /** Creates a session. If the user already has the session `session_id`, returns that one. */
  createSession(args: {
    readonly user_id: UserId;
    /** A UUID. Without it, the server makes one. */
    readonly session_id?: string | undefined;
    readonly title?: string | undefined;
    readonly character_id?: string | number | undefined;
  }): Promise<SessionReply>;
  getSession(args: SessionTarget): Promise<SessionReply>;
  /** Returns a page of the user's sessions (20), the one with the newest message first. */
  listSessions(
    args: Page & { readonly user_id: UserId; readonly character_id?: string | number | undefined },
  ): Promise<SessionReply[]>;
  /** Deletes a session, so that it can be restored. Stops its running answer. */
  softDeleteSession(args: SessionTarget): Promise<true>;
  /** Without `new_title`, the session gets the default title. */
  updateSessionTitle(args: SessionTarget & { readonly new_title?: string | undefined }): Promise<true>;
  /** Adds a message. No character answers it. */
  createMessage(
    args: SessionTarget & {
      readonly content: string;
      readonly role?: MessageRole | undefined;
      readonly tool_calls?: readonly unknown[] | undefined;
    },
  ): Promise<SessionMessageReply>;
  getMessage(args: MessageTarget): Promise<SessionMessageReply>;
  /** Returns a page of the session's messages (50), oldest first, without superseded ones. */
  listMessages(
    args: SessionTarget &
      Page & {
        readonly order?: 'asc' | 'desc' | undefined;
        readonly superseded?: 'true' | 'false' | undefined;
      },
  ): Promise<SessionMessageReply[]>;
  /** Deletes a message, so that it can be restored. */
  softDeleteMessage(args: MessageTarget): Promise<true>;
  /** Changes a message of role `user`. Answers after it become superseded. */
  updateMessageContent(args: MessageTarget & { readonly new_content: string }): Promise<true>;
}

/** The functions above, and those of Strapi for entries. */
export type ChatSessionService = SessionFunctions & Core.CoreAPI.Service.CollectionType;

export default factories.createCoreService(
  'api::chat-session.chat-session',
  ({ strapi }: { strapi: Core.Strapi }) => ({
    ...createSessionFunctions(strapi),
    ...createMessageFunctions(strapi),
  }),
);

type MessageFunction =
  'createMessage' | 'getMessage' | 'listMessages' | 'softDeleteMessage' | 'updateMessageContent';

function createSessionFunctions(strapi: Core.Strapi): Omit<SessionFunctions, MessageFunction> {
  return {
    async createSession(args) {
      const { owners, sessions, writes } = chatOf(strapi);
      const { userId, sessionId, title, characterId } = parseSessionWish(args);
      const owner = await owners.find(userId);
      await writes.count(owner, storedChars(title));
      const session = await sessions.create(owner, { sessionId, title, character: characterId });
      return sessions.toReply(owner, session);
    },
    async getSession(args) {
      const { owners, sessions } = chatOf(strapi);
      const { sessionId, userId } = parseSessionTarget(args);
      const owner = await owners.ofSession(sessionId, userId);
      return sessions.toReply(owner, await sessions.find(owner, sessionId));
    },
    async listSessions(args) {
      const { owners, sessions } = chatOf(strapi);
      const range = { ...parsePage(args, sessionPageSize).range, ...parseSessionFilter(args) };
      const owner = await owners.find(parseUserTarget(args));
      const { items } = await sessions.list(owner, range);
      return sessions.toReplies(owner, items);
    },
    async softDeleteSession(args) {
      const { owners, sessions, writes } = chatOf(strapi);
      const { sessionId, userId } = parseSessionTarget(args);
      const owner = await owners.ofSession(sessionId, userId);
      await writes.count(owner);
      await sessions.deleteSession(owner, sessionId);
      return true;
    },
    async updateSessionTitle(args) {
      const { owners, sessions, writes } = chatOf(strapi);
      const { sessionId, userId } = parseSessionTarget(args);
      const title = parseNewTitle({ new_title: args.new_title ?? null });
      const owner = await owners.ofSession(sessionId, userId);
      await writes.count(owner, title.length);
      await sessions.rename(owner, sessionId, title);
      return true;
    },
  };
}

function createMessageFunctions(strapi: Core.Strapi): Pick<SessionFunctions, MessageFunction> {
  return {
    async createMessage(args) {
      const { owners, sessions, settings, writes } = chatOf(strapi);
      const { sessionId, userId } = parseSessionTarget(args);
      const { role, content, toolCalls } = parseNewMessage(args, settings.request);
      const message = { role, content, toolCalls };
      const owner = await owners.ofSession(sessionId, userId);
      await writes.count(owner, storedCharsOf(message));
      return toSessionMessageReply(await sessions.addMessage(owner, sessionId, message));
    },
    async getMessage(args) {
      const { owners, sessions } = chatOf(strapi);
      const { reference, userId } = parseMessageTarget(args);
      const owner = await owners.ofMessage(reference, userId);
      return toSessionMessageReply(await sessions.findMessage(owner, reference));
    },
    async listMessages(args) {
      const { owners, sessions } = chatOf(strapi);
      const { sessionId, userId } = parseSessionTarget(args);
      const range = { ...parsePage(args, messagePageSize).range, ...parseSelection(args) };
      const owner = await owners.ofSession(sessionId, userId);
      const { items } = await sessions.listMessages(owner, sessionId, range);
      return items.map(toSessionMessageReply);
    },
    async softDeleteMessage(args) {
      const { owners, sessions, writes } = chatOf(strapi);
      const { reference, userId } = parseMessageTarget(args);
      const owner = await owners.ofMessage(reference, userId);
      await writes.count(owner);
      await sessions.deleteMessage(owner, reference);
      return true;
    },
    async updateMessageContent(args) {
      const { owners, sessions, settings, writes } = chatOf(strapi);
      const { reference, userId } = parseMessageTarget(args);
      const { content } = parseEdit({ new_content: args.new_content }, settings.request);
      const owner = await owners.ofMessage(reference, userId);
      // The server saves the text in the row of the answer, too.
      await writes.count(owner, 2 * content.length);
      await sessions.editQuestion(owner, reference, content);
      return true;
    },
  };
}
