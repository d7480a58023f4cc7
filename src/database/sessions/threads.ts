import { upstreamIdOf, type OtherThreads, type UpstreamConversation } from '../../chat';
import { parseJsonColumn, toJsonColumn } from '../sql/json-column';

/** The columns that name conversations in upstreams. A message has only the first two. */
export interface ThreadColumns {
  readonly conversation_id: string | null;
  readonly upstream: string | null;
  readonly other_threads?: unknown;
  readonly session_id?: string;
}

export const threadColumns = ['session_id', 'conversation_id', 'upstream', 'other_threads'] as const;

/** SQL for `upstreamIdOf`, so that rows of older releases compare like those of this one. */
export const upstreamOf = (table?: string): string =>
  `coalesce(${table === undefined ? '' : `${table}.`}upstream, '${upstreamIdOf(null)}')`;

export function parseThreads(column: unknown): OtherThreads {
  return (parseJsonColumn(column) as OtherThreads | null) ?? {};
}

export function toThreadsColumn(threads: OtherThreads): string | null {
  return Object.keys(threads).length === 0 ? null : toJsonColumn(threads);
}

/** Returns the conversations that upstreams have of a session or of a message. @param user what the server sent to them as the user. */
export function conversationsOf(row: ThreadColumns, user: string): readonly UpstreamConversation[] {
  const { conversation_id: own, upstream, other_threads: others } = row;
  const threads = [[upstream, own] as const, ...Object.entries(parseThreads(others))];
  return threads.flatMap(([upstreamId, conversationId]) => {
    // Where an upstream keeps no conversations, the session's own id stands for one.
    const isNone = conversationId === null || conversationId === row.session_id;
    return isNone ? [] : [{ conversationId, upstreamId, user }];
  });
}
