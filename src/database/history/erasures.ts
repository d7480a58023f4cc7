import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Erasure, HistorySource } from '../../history';
import { unlessDone } from '../sql/unless-done';

type Database = Core.Strapi['db'];

/** What is erased here and not yet in the history. No content type: Strapi leaves it alone. */
const tableName = 'chat_history_erasures';
const userColumn = 'user_document_id';

/** Before the first user can erase anything. Of two processes that start at once, one makes it and the other finds it. */
export async function createErasureTable(db: Database): Promise<void> {
  const schema = () => db.getSchemaConnection();
  await unlessDone(
    () => schema().hasTable(tableName),
    () =>
      schema().createTable(tableName, (table) => {
        table.increments('id');
        // 0, or the number by which an older version named the user.
        table.integer('user_id').notNullable();
        table.string('conversation_id', 255);
        // Milliseconds since 1970. No link to the user, who may be gone by the time the history hears of it.
        table.bigInteger('erased_before').notNullable();
        table.string(userColumn, 255);
      }),
  );
  // Of an older version.
  await unlessDone(
    () => schema().hasColumn(tableName, userColumn),
    () => schema().alterTable(tableName, (table) => void table.string(userColumn, 255)),
  );
  await nameErasures(db);
}

/**
 * Erasures that an older version noted by number, with the documentId of the user who has it today. Not of one who has
 * messages from before: an import has given them the number of another, whose messages were erased.
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

/** Has the history forget this too, if and only if the transaction is committed. */
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
  /** PostgreSQL has its large integers as text. */
  readonly erased_before: number | string;
}

export type ErasureQueue = Pick<HistorySource, 'listErasures' | 'settleErasure'> & {
  countErasures(): Promise<number>;
};

export function createErasureQueue(db: Database): ErasureQueue {
  const rows = () => db.connection(tableName);
  const ofWhat = ['user_id', userColumn, 'conversation_id'] as const;
  return {
    // Erased bit by bit, a user with much to erase is noted often; the history is told once, how far it went.
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
      // One that was noted since and goes further stays.
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
