import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Owner } from '../../chat';

type Database = Core.Strapi['db'];

/**
 * Makes the names of a user's chats unique. A deleted session does not hold its name. Strapi's schemas cannot describe
 * a partial index, and Strapi does not drop it.
 */
export async function indexChatNames({ connection }: Database): Promise<void> {
  const create = `create unique index if not exists chat_sessions_chat_name_uq
    on chat_sessions (user_id, chat_name) where chat_name is not null and not is_deleted`;
  // PostgreSQL checks and then creates. If another process creates the index in between, PostgreSQL throws an error.
  await connection.raw(create).catch(() => connection.raw(create));
}

/** Returns whether the owner has a session with this name. */
export async function hasChatName(db: Database, owner: Owner, name: string): Promise<boolean> {
  const named = db.connection('chat_sessions').where({ user_id: owner.id, chat_name: name });
  return (await named.whereRaw('not is_deleted').first('id')) !== undefined;
}

/** Takes the name from a deleted session if another session has it now. Call it before the session is restored. */
export async function dropTakenName(db: Database, trx: Knex.Transaction, rowId: number): Promise<void> {
  await db
    .connection('chat_sessions as s')
    .transacting(trx)
    .where({ 's.id': rowId })
    .whereRaw(
      'exists (select 1 from chat_sessions o where o.user_id = s.user_id and o.chat_name = s.chat_name and not o.is_deleted)',
    )
    .update({ chat_name: null });
}
