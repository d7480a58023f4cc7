import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Erasure, HistorySource } from '../chat';

type Database = Core.Strapi['db'];

/** What is erased here and not yet in the history. No content type: Strapi leaves it alone. */
const tableName = 'chat_history_erasures';

/** Before the first user can erase anything. Of two processes that start at once, one makes it and the other finds it. */
export async function createErasureTable(db: Database): Promise<void> {
  if (await db.getSchemaConnection().hasTable(tableName)) return;
  try {
    await db.getSchemaConnection().createTable(tableName, (table) => {
      table.increments('id');
      table.integer('user_id').notNullable();
      table.string('conversation_id', 255);
      // Milliseconds since 1970. No link to the user, who may be gone by the time the history hears of it.
      table.bigInteger('erased_before').notNullable();
    });
  } catch (error) {
    if (!(await db.getSchemaConnection().hasTable(tableName))) throw error;
  }
}

/** Has the history forget this too, if and only if the transaction is committed. */
export async function noteErasure(db: Database, trx: Knex.Transaction, erasure: Erasure): Promise<void> {
  await db.connection(tableName).transacting(trx).insert({
    user_id: erasure.userId,
    conversation_id: erasure.conversationId,
    erased_before: erasure.before.getTime(),
  });
}

interface ErasureRow {
  readonly id: number;
  readonly user_id: number;
  readonly conversation_id: string | null;
  /** PostgreSQL has its large integers as text. */
  readonly erased_before: number | string;
}

export type ErasureQueue = Pick<HistorySource, 'listErasures' | 'settleErasure'> & {
  countErasures(): Promise<number>;
};

export function createErasureQueue(db: Database): ErasureQueue {
  const rows = () => db.connection(tableName);
  return {
    // Erased bit by bit, a user with much to erase is noted often; the history is told once, how far it went.
    async listErasures(limit) {
      const found = (await rows()
        .select('user_id', 'conversation_id')
        .max({ id: 'id', erased_before: 'erased_before' })
        .groupBy('user_id', 'conversation_id')
        .orderByRaw('min(id)')
        .limit(limit)) as unknown as readonly ErasureRow[];
      return found.map((row) => ({
        id: row.id,
        userId: row.user_id,
        conversationId: row.conversation_id,
        before: new Date(Number(row.erased_before)),
      }));
    },
    async settleErasure(id) {
      const row = (await rows().where({ id }).first()) as ErasureRow | undefined;
      if (row === undefined) return;
      // One that was noted since and goes further stays.
      await rows()
        .where({ user_id: row.user_id, conversation_id: row.conversation_id })
        .where('erased_before', '<=', row.erased_before)
        .delete();
    },
    async countErasures() {
      const [row] = (await rows().count({ count: '*' })) as { count: number | string }[];
      return Number(row?.count ?? 0);
    },
  };
}
