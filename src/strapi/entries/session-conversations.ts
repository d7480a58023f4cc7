import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { chatOf } from '../../app';
import { toUpstreamUser } from '../../chat';
import { conversationsOf, threadColumns, type ThreadColumns } from '../../database/sessions/threads';
import { noteUnneeded } from '../../database/sessions/unneeded-conversations';
import { afterCommit, inTransaction } from '../../database/sql/transaction';

const sessionUid = 'api::chat-session.chat-session';

/**
 * Lets Dify delete the conversation of a session that the admin panel or an API token deletes. Such a session cannot be
 * restored. The chat does this for its own deletions.
 */
export function dropConversationsWithSessions(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    const { documentId } = context.params as { documentId?: string };
    if (context.uid !== sessionUid || context.action !== 'delete' || documentId === undefined) return next();
    const result = await inTransaction(strapi.db, async (trx) => {
      const conversations = await findConversations(strapi, trx, documentId);
      const deleted = await next();
      await noteUnneeded(strapi.db, trx, conversations);
      return deleted;
    });
    await afterCommit(strapi.db, () => chatOf(strapi).conversationCleanup.wake());
    return result;
  });
}

async function findConversations({ db }: Core.Strapi, trx: Knex.Transaction, documentId: string) {
  const rows = (await db.connection
    .from({ s: 'chat_sessions' })
    .transacting(trx)
    .join({ u: 'up_users' }, 'u.id', 's.user_id')
    .where({ 's.document_id': documentId })
    .select('u.document_id', ...threadColumns.map((column) => `s.${column}`))) as (ThreadColumns & {
    document_id: string;
  })[];
  return rows.flatMap((row) => conversationsOf(row, toUpstreamUser({ documentId: row.document_id })));
}
