import type { Core } from '@strapi/strapi';

import { isPending } from '../sql/is-pending';

const indexName = 'chat_conversations_pending_idx';

/**
 * Creates the index of pending answers. Strapi's schemas cannot describe a partial index, and Strapi does not drop it.
 * Two processes that start at the same time may both create it.
 */
export async function indexPendingAnswers(db: Core.Strapi['db']): Promise<void> {
  const create = `create index if not exists ${indexName} on chat_conversations (turn_id) where ${isPending}`;
  // PostgreSQL checks and then creates. If another process creates the index in between, PostgreSQL throws an error.
  await db.connection.raw(create).catch(() => db.connection.raw(create));
}
