import type { Core } from '@strapi/strapi';

/**
 * SQL conditions of partial indexes. A statement must repeat the text of the condition, because a database does not
 * conclude it from a bound value. `m` is the message in a statement; the index has no alias.
 */
export const isCutShort = "outcome in ('stopped', 'interrupted', 'failed')";
export const isRated = 'feedback is not null';

/**
 * Creates the indexes by which the panel finds the few answers that ended early, and the few rated ones. Strapi's
 * schemas cannot describe a partial index, and Strapi does not drop it.
 */
export async function indexMarkedMessages({ connection }: Core.Strapi['db']): Promise<void> {
  const on = 'on chat_conversations';
  const indexes = [
    `chat_conversations_cut_short_idx ${on} (outcome, session_id, is_deleted) where ${isCutShort}`,
    `chat_conversations_rated_idx ${on} (feedback, session_id, is_deleted) where ${isRated}`,
  ];
  for (const index of indexes) {
    const create = `create index if not exists ${index}`;
    // PostgreSQL checks and then creates. If another process creates the index in between, PostgreSQL throws an error.
    await connection.raw(create).catch(() => connection.raw(create));
  }
}
