import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { Message } from '../../model/message';
import type { Owner } from '../../model/owner';
import type { SessionEntry } from '../../model/session';
import { messageRoles } from '../../model/message';
import { dateTime, type Reply } from '../reply';
import { contentOf } from '../sessions/reply';

/** A session as the conversation API shows it. */
export const conversationReply = z
  .object({
    id: z.string().describe('The `session_id` of the other APIs.'),
    user_id: z.string().describe('The numeric id of the caller, as text.'),
    created_at: dateTime,
    updated_at: dateTime,
  })
  .meta({ id: 'Conversation' });
export type ConversationReply = Reply<typeof conversationReply>;

/** A message as the conversation API shows it. */
export const conversationMessageReply = z
  .object({
    id: z.string().describe('A UUID made from the row of the message. It never changes.'),
    conversation_id: z.string().nullable().describe('The conversation of the message.'),
    role: z.enum(messageRoles).describe('Who said it.'),
    content: z.string().describe('The text. A failed answer may have none.'),
    tool_calls: z.unknown().describe('Calls that were stored with the message.'),
    created_at: dateTime,
    updated_at: dateTime,
  })
  .meta({ id: 'ConversationMessage' });
export type ConversationMessageReply = Reply<typeof conversationMessageReply>;

export function toConversationReply(session: SessionEntry, owner: Owner): ConversationReply {
  return {
    id: session.sessionId,
    user_id: String(owner.id),
    created_at: session.createdAt.toISOString(),
    updated_at: session.updatedAt.toISOString(),
  };
}

export function toConversationMessageReply(message: Message): ConversationMessageReply {
  return {
    id: toMessageUuid(message),
    conversation_id: message.sessionId,
    role: message.role,
    content: contentOf(message),
    tool_calls: message.toolCalls,
    created_at: message.createdAt.toISOString(),
    updated_at: message.updatedAt.toISOString(),
  };
}

/**
 * Returns a UUID for a message, without a column for it. The `message_id` cannot serve, because that of an answer
 * changes when Dify names it. The row's number and documentId never change. They make a UUID of version 8, which is for
 * custom schemes (RFC 9562). Its last 48 bits are the row number, which finds the row again. The bits before are a hash
 * of the documentId, so that two installations never have the same UUID.
 */
export function toMessageUuid({ id, documentId }: Pick<Message, 'id' | 'documentId'>): string {
  const hash = createHash('sha256').update(documentId).digest('hex');
  const number = id.toString(16).padStart(12, '0');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(12, 15)}-8${hash.slice(15, 18)}-${number}`;
}

/** Returns the row number in a UUID of `toMessageUuid`; null for any other text. */
export function toMessageRowId(uuid: string): number | null {
  const [, digits] = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-([0-9a-f]{12})$/iu.exec(uuid) ?? [];
  const id = Number.parseInt(digits ?? '', 16);
  return id <= 2_147_483_647 ? id : null;
}
