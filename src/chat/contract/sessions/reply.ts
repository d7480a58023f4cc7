import { z } from 'zod';

import type { Character } from '../../model/character';
import { messageRoles, messageStatuses, type Message } from '../../model/message';
import type { Owner } from '../../model/owner';
import type { SessionEntry } from '../../model/session';
import { parseNamedFields, type NamedFields } from '../messages/named-fields';
import { dateTime, isSupersededReply, outcomeReply, threadRestartedReply, type Reply } from '../reply';

const isDeletedReply = z.boolean().describe('Always false: deleted entries are not shown.');

/** A session as the session API shows it. */
export const sessionReply = z
  .object({
    session_id: z.string().describe('The id of the session in every API.'),
    user_id: z.string().describe('The numeric id of the caller, as text.'),
    title: z.string().describe('A session that a question begins takes its title from it.'),
    message_count: z.int().describe('All messages, those of other branches too.'),
    conversation_id: z.string().nullable().describe("Dify's id of the session. Null until Dify sends it."),
    ai_character: z
      .object({
        id: z.int().describe('Never changes.'),
        documentId: z.string().describe('Never changes.'),
        name: z.string().nullable().describe('Null while the character is unpublished.'),
      })
      .nullable()
      .describe('The character that answers, or null.'),
    live_turn_id: z.string().nullable().describe('The running turn, so that a reloaded page can follow it.'),
    last_message_at: dateTime.describe('Lists are sorted by it.'),
    created_at: dateTime,
    updated_at: dateTime.describe('A message, an edit or a new title changes it.'),
    is_deleted: isDeletedReply,
  })
  .meta({ id: 'Session' });
export type SessionReply = Reply<typeof sessionReply>;

/** One line as the session API shows it. */
export const sessionMessageReply = z
  .object({
    message_id: z.int().describe('The `id` of the entry.'),
    public_id: z.string().describe('The `message_id` of create-message, turns and my-list.'),
    session_id: z.string().nullable().describe('The session of the message.'),
    role: z.enum(messageRoles).describe('Who said it.'),
    content: z.string().describe('The text of this message alone.'),
    tool_calls: z.unknown().describe('Calls that a client has stored with the message.'),
    turn_id: z
      .string()
      .nullable()
      .describe('The same for a question and its answer. Null for a stored message.'),
    outcome: outcomeReply,
    message_status: z.enum(messageStatuses).describe('`read` once its owner has marked it as read.'),
    parent_message_id: z
      .string()
      .nullable()
      .describe(
        "For an answer: its question's `public_id`. For a repeated or edited question: the old one's.",
      ),
    is_superseded: isSupersededReply,
    thread_restarted: threadRestartedReply,
    created_at: dateTime,
    updated_at: dateTime,
    is_deleted: isDeletedReply,
  })
  .meta({ id: 'SessionMessage' });
export type SessionMessageReply = Reply<typeof sessionMessageReply>;

/** The same with the fields that the client has named. */
export const selectedSession = sessionReply.partial().meta({ id: 'SelectedSession' });
export const selectedSessionMessage = sessionMessageReply.partial().meta({ id: 'SelectedSessionMessage' });

type Query = Readonly<Record<string, unknown>>;

/** Parses `fields?` of a list of sessions. @throws ChatError `invalid-request` */
export const parseSessionFields = ({ fields }: Query): NamedFields =>
  parseNamedFields('fields', fields, Object.keys(sessionReply.shape));

/** Parses `fields?` of messages in the session API. @throws ChatError `invalid-request` */
export const parseSessionMessageFields = ({ fields }: Query): NamedFields =>
  parseNamedFields('fields', fields, Object.keys(sessionMessageReply.shape));

/** Returns the text of this line, not of the other line of its turn. */
export function contentOf({ role, query, answer }: Message): string {
  return role === 'user' ? query : (answer ?? '');
}

/**
 * `is_deleted` is always false, because the API does not show deleted entries.
 * @param characters the characters of the sessions, by documentId.
 */
export function toSessionReply(
  session: SessionEntry,
  owner: Owner,
  characters: ReadonlyMap<string, Character>,
): SessionReply {
  const character = session.characterId === null ? undefined : characters.get(session.characterId);
  return {
    session_id: session.sessionId,
    user_id: String(owner.id),
    title: session.title,
    message_count: session.messageCount,
    conversation_id: session.conversationId,
    ai_character: character
      ? { id: character.id, documentId: character.documentId, name: character.name }
      : null,
    live_turn_id: session.liveTurnId,
    last_message_at: session.lastMessageAt.toISOString(),
    created_at: session.createdAt.toISOString(),
    updated_at: session.updatedAt.toISOString(),
    is_deleted: false,
  };
}

export function toSessionMessageReply(message: Message): SessionMessageReply {
  return {
    message_id: message.id,
    public_id: message.messageId,
    session_id: message.sessionId,
    role: message.role,
    content: contentOf(message),
    tool_calls: message.toolCalls,
    turn_id: message.turnId,
    outcome: message.outcome,
    message_status: message.status,
    parent_message_id: message.parentMessageId,
    is_superseded: message.isSuperseded,
    thread_restarted: message.isThreadRestarted,
    created_at: message.createdAt.toISOString(),
    updated_at: message.updatedAt.toISOString(),
    is_deleted: false,
  };
}

/** An error in the envelope of the session API. */
export interface SessionErrorReply {
  readonly code: number;
  readonly message: string;
  readonly data: null;
  /** Has the error code as `code`, unless Strapi has made the error. */
  readonly error: object;
}

export function toSessionError(status: number, message: string, details: object): SessionErrorReply {
  return { code: status, message, data: null, error: details };
}
