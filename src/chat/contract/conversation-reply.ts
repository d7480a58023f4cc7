import { createHash } from 'node:crypto';

import type { Message } from '../model/message';
import type { Owner } from '../model/owner';
import type { SessionEntry } from '../model/session';
import { contentOf } from './session-reply';

/** A session as the conversation API shows it. */
export interface ConversationReply {
  readonly id: string;
  readonly user_id: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A message as the conversation API shows it. */
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
