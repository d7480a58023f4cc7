import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { lockSession, recountMessages } from '../../database/messages/count';
import { inTransaction } from '../../database/sql/transaction';

const messageUid = 'api::chat-conversation.chat-conversation';
const writing: ReadonlySet<string> = new Set(['create', 'update', 'delete']);

/**
 * Keeps the message count of a session correct if the admin panel or an API token changes its messages. The stored
 * count makes lists cheap. The chat maintains it for its own writes.
 */
export function keepMessageCounts(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    if (context.uid !== messageUid || !writing.has(context.action)) return next();
    const { documentId } = context.params as { documentId?: string };
    return inTransaction(strapi.db, async (trx) => {
      const before = await lockSessionOf(strapi, trx, documentId);
      const result = await next();
      const written = documentId ?? (result as { documentId?: string } | undefined)?.documentId;
      const after = await lockSessionOf(strapi, trx, written);
      await recountMessages(strapi.db, trx, [...before, ...after]);
      return result;
    });
  });
}

/** Locks the session of a message. @returns its row id; empty if the message does not exist or has no session. */
async function lockSessionOf(
  { db }: Core.Strapi,
  trx: Knex.Transaction,
  documentId: string | undefined,
): Promise<readonly number[]> {
  if (documentId === undefined) return [];
  const row = (await db
    .connection('chat_conversations')
    .transacting(trx)
    .where({ document_id: documentId })
    .first('session_id')) as { session_id: number | null } | undefined;
  if (row === undefined || row.session_id === null) return [];
  await lockSession(db, trx, row.session_id);
  return [row.session_id];
}
