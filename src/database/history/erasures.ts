import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Erasure, HistorySource } from '../../history';
import { addTextColumn, createTable } from '../sql/schema-changes';

type Database = Core.Strapi['db'];

/** Lists erasures that the history has not applied yet. The table is no content type, so Strapi does not change it. */
const tableName = 'chat_history_erasures';
const userColumn = 'user_document_id';

/**
 * Creates the table. The server calls this before users can erase anything.
 * If two processes start at the same time, one creates the table and the other finds it.
 */
export async function createErasureTable(db: Database): Promise<void> {
  await createTable(db, tableName, (table) => {
    table.increments('id');
    // 0, or the user id that an older version wrote.
    table.integer('user_id').notNullable();
    table.string('conversation_id', 255);
    // Milliseconds since 1970. The table has no foreign key to the user: the user can be deleted before the copy.
    table.bigInteger('erased_before').notNullable();
    table.string(userColumn, 255);
  });
  // A table of an older version lacks this column.
  await addTextColumn(db, tableName, userColumn);
  await nameErasures(db);
}

/**
 * Replaces user ids, which an older version wrote, by the documentId of the user who has the id now.
 * Skips a user who was created after the erasure, and a user who has messages from before it.
 * An import has given such a user the id of another user, whose messages were erased.
 */
async function nameErasures(db: Database): Promise<void> {
  const rows = () => db.connection(tableName).whereNull(userColumn);
  const pending = (await rows()
    .select('user_id')
    .max({ erased_before: 'erased_before' })
    .groupBy('user_id')) as unknown as readonly ErasureRow[];
  for (const { user_id: id, erased_before: before } of pending) {
    const user = (await db.connection('up_users').where({ id }).first('document_id', 'created_at')) as
      { document_id: string; created_at: Date | number | string } | undefined;
    if (user === undefined || new Date(user.created_at).getTime() >= Number(before)) continue;
    const [oldest] = (await db
      .connection('chat_conversations')
      .where({ user_id: id })
      .min({ created_at: 'created_at' })) as { created_at: Date | number | string | null }[];
    const oldestAt = oldest?.created_at ?? null;
    if (oldestAt !== null && new Date(oldestAt).getTime() < Number(before)) continue;
    await rows()
      .where({ user_id: id })
      .update({ user_id: 0, [userColumn]: user.document_id });
  }
}

/** Queues an erasure for the history. It counts only if the transaction is committed. */
export async function noteErasure(
  db: Database,
  trx: Knex.Transaction,
  erasure: Extract<Erasure, { userDocumentId: string }>,
): Promise<void> {
  await db.connection(tableName).transacting(trx).insert({
    user_id: 0,
    user_document_id: erasure.userDocumentId,
    conversation_id: erasure.conversationId,
    erased_before: erasure.before.getTime(),
  });
}

interface ErasureRow {
  readonly id: number;
  readonly user_id: number;
  readonly user_document_id: string | null;
  readonly conversation_id: string | null;
  /** PostgreSQL returns large integers as text. */
  readonly erased_before: number | string;
}

export type ErasureQueue = Pick<HistorySource, 'listErasures' | 'settleErasure'> & {
  countErasures(): Promise<number>;
};

export function createErasureQueue(db: Database): ErasureQueue {
  const rows = () => db.connection(tableName);
  const ofWhat = ['user_id', userColumn, 'conversation_id'] as const;
  return {
    // A user's data is erased in batches, and each batch queues an erasure. The history gets only the latest time.
    async listErasures(limit) {
      const found = (await rows()
        .select(...ofWhat)
        .max({ id: 'id', erased_before: 'erased_before' })
        .groupBy(...ofWhat)
        .orderByRaw('min(id)')
        .limit(limit)) as unknown as readonly ErasureRow[];
      return found.map((row) => ({
        id: row.id,
        ...(row.user_document_id === null
          ? { formerUserId: row.user_id }
          : { userDocumentId: row.user_document_id }),
        conversationId: row.conversation_id,
        before: new Date(Number(row.erased_before)),
      }));
    },
    async settleErasure(id) {
      const row = (await rows().where({ id }).first()) as ErasureRow | undefined;
      if (row === undefined) return;
      // A newer erasure with a later time stays in the queue.
      await rows()
        .where({
          user_id: row.user_id,
          user_document_id: row.user_document_id,
          conversation_id: row.conversation_id,
        })
        .where('erased_before', '<=', row.erased_before)
        .delete();
    },
    async countErasures() {
      const [row] = (await rows().count({ count: '*' })) as { count: number | string }[];
      return Number(row?.count ?? 0);
    },
  };
}
