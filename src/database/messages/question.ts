import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

/** Copies the question of a turn to the row of its answer, which stores it too. A deleted question becomes empty. */
export async function copyQuestion(
  db: Core.Strapi['db'],
  trx: Knex.Transaction,
  turnId: string,
): Promise<void> {
  const question = (await db
    .connection('chat_conversations')
    .transacting(trx)
    .where({ turn_id: turnId, role: 'user', is_deleted: false })
    .first('query')) as { query: string } | undefined;
  await db
    .connection('chat_conversations')
    .transacting(trx)
    .where({ turn_id: turnId, role: 'assistant' })
    .update({ query: question?.query ?? '' });
}
