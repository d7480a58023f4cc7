import type { OtherThreads, UpstreamConversation } from '../../chat';
import { parseJsonColumn, toJsonColumn } from '../sql/json-column';

/** The columns that name conversations in upstreams. A message has only the first two. */
export interface ThreadColumns {
  readonly conversation_id: string | null;
  readonly upstream: string | null;
  readonly other_threads?: unknown;
  readonly session_id?: string;
}

export const threadColumns = ['session_id', 'conversation_id', 'upstream', 'other_threads'] as const;

export function parseThreads(column: unknown): OtherThreads {
  return (parseJsonColumn(column) as OtherThreads | null) ?? {};
}

export function toThreadsColumn(threads: OtherThreads): string | null {
  return Object.keys(threads).length === 0 ? null : toJsonColumn(threads);
}

/** Returns the conversations that upstreams have of a session or of a message. @param user what the server sent to them as the user. */
export function conversationsOf(row: ThreadColumns, user: string): readonly UpstreamConversation[] {
  const others = Object.entries(parseThreads(row.other_threads)).map(([upstreamId, conversationId]) => ({
    upstreamId,
    conversationId,
    user,
  }));
  const { session_id: sessionId, conversation_id: conversationId, upstream: upstreamId } = row;
  // Where an upstream keeps no conversations, the session's own id stands for one.
  if (conversationId === null || conversationId === sessionId) return others;
  return [{ conversationId, upstreamId, user }, ...others];
}
