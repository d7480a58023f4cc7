import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { copyQuestion } from '../../database/messages/question';
import { inTransaction } from '../../database/sql/transaction';

const messageUid = 'api::chat-conversation.chat-conversation';
const changing: ReadonlySet<string> = new Set(['update', 'delete']);

/**
 * Keeps the question in an answer's row correct if the admin panel or an API token changes or deletes the question. The
 * chat does this for its own writes.
 */
export function keepQuestionTexts(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    const { documentId } = context.params as { documentId?: string };
    if (context.uid !== messageUid || !changing.has(context.action) || documentId === undefined)
      return next();
    return inTransaction(strapi.db, async (trx) => {
      const turnId = await findTurn(strapi, trx, documentId);
      const result = await next();
      if (turnId !== null) await copyQuestion(strapi.db, trx, turnId);
      return result;
    });
  });
}

/** Returns the turn of a question; null for any other message. */
async function findTurn(
  { db }: Core.Strapi,
  trx: Knex.Transaction,
  documentId: string,
): Promise<string | null> {
  const row = (await db
    .connection('chat_conversations')
    .transacting(trx)
    .where({ document_id: documentId, role: 'user' })
    .first('turn_id')) as { turn_id: string | null } | undefined;
  return row?.turn_id ?? null;
}
