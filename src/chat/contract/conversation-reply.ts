import { createHash } from 'node:crypto';

import type { Message } from '../model/message';
import type { Owner } from '../model/owner';
import type { SessionEntry } from '../model/session';
import { contentOf } from './session-reply';

/** A session, in the words of the conversation API. */
export interface ConversationReply {
  readonly id: string;
  readonly user_id: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A message, in the words of the conversation API. */
export interface ConversationMessageReply {
  readonly id: string;
  readonly conversation_id: string | null;
  readonly role: string;
  readonly content: string;
  readonly tool_calls: unknown;
  readonly created_at: string;
  readonly updated_at: string;
}

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
 * A message as a UUID, without a column for it. Its `message_id` would not do: that of an answer changes when Dify names
 * it. The row's number and documentId never change, so they make a UUID of version 8, the one for schemes of one's own
 * (RFC 9562): the number in its last 48 bits, by which the row is found again, a hash of the documentId before it, by
 * which no two installations have the same.
 */
export function toMessageUuid({ id, documentId }: Pick<Message, 'id' | 'documentId'>): string {
  const hash = createHash('sha256').update(documentId).digest('hex');
  const number = id.toString(16).padStart(12, '0');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(12, 15)}-8${hash.slice(15, 18)}-${number}`;
}

/** The number of the row in a UUID of `toMessageUuid`; null for any other text. */
export function toMessageRowId(uuid: string): number | null {
  const [, digits] = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-([0-9a-f]{12})$/iu.exec(uuid) ?? [];
  const id = Number.parseInt(digits ?? '', 16);
  return id <= 2_147_483_647 ? id : null;
}
