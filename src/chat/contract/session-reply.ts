import type { Message } from '../model/message';
import type { Owner } from '../model/owner';
import type { SessionEntry } from '../model/session';

/** A session as the session API shows it. */
export interface SessionReply {
  readonly session_id: string;
  readonly user_id: string;
  readonly title: string;
  readonly message_count: number;
  readonly conversation_id: string | null;
  /** The running turn, so that a reloaded page can follow it. */
  readonly live_turn_id: string | null;
  readonly last_message_at: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly is_deleted: boolean;
}

/** One line as the session API shows it. */
export interface SessionMessageReply {
  /** The row number of the message (`Message.id`). */
  readonly message_id: number;
  /** The `message_id` of create-message, turns and my-list. */
  readonly public_id: string;
  readonly session_id: string | null;
  readonly role: string;
  readonly content: string;
  readonly tool_calls: unknown;
  readonly turn_id: string | null;
  readonly outcome: string | null;
  readonly message_status: string;
  readonly parent_message_id: string | null;
  readonly is_superseded: boolean;
  readonly thread_restarted: boolean;
  readonly created_at: string;
  readonly updated_at: string;
  readonly is_deleted: boolean;
}

/** Returns the text of this line, not of the other line of its turn. */
export function contentOf({ role, query, answer }: Message): string {
  return role === 'user' ? query : (answer ?? '');
}

/** `is_deleted` is always false, because the API does not show deleted entries. */
export function toSessionReply(session: SessionEntry, owner: Owner): SessionReply {
  return {
    session_id: session.sessionId,
    user_id: String(owner.id),
    title: session.title,
    message_count: session.messageCount,
    conversation_id: session.conversationId,
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
