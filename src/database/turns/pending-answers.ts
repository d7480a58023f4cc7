import type { Core } from '@strapi/strapi';

import { isPending } from '../sql/is-pending';

const indexName = 'chat_conversations_pending_idx';

/** Strapi's schemas know no such index, and leave it alone. Two processes that start at once may both make it. */
export async function indexPendingAnswers(db: Core.Strapi['db']): Promise<void> {
  const create = `create index if not exists ${indexName} on chat_conversations (turn_id) where ${isPending}`;
  // PostgreSQL looks first and makes it then: who comes in between is told that it is there.
  await db.connection.raw(create).catch(() => db.connection.raw(create));
}
