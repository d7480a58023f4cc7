import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { statementsOf, type Statement } from '../sql/statements';
import { inTransaction } from '../sql/transaction';
import { unlessDone } from '../sql/unless-done';

type Database = Core.Strapi['db'];

/**
 * The account of each session of users-permissions. Strapi's own table has its number only, which an import gives to
 * somebody else. No content type: an import leaves the table alone.
 */
export const loginTable = 'chat_logins';

/** The name under which Strapi's session manager keeps the sessions of users. */
export const userOrigin = 'users-permissions';

/**
 * Version, cost and salt of a bcrypt hash. Each new password gets a new salt, so a mark of before does not fit any more.
 * It says nothing about the password.
 */
const markChars = 29;

export function toPasswordMark(hash: string | null): string {
  return (hash ?? '').slice(0, markChars);
}

/** The same, of the account `u` in a statement. */
export const passwordMarkOfAccount = `coalesce(substr(u.password, 1, ${markChars}), '')`;

/**
 * Creates the table and ties the sessions that exist to their accounts, both or neither: an upgrade logs nobody out. The
 * table is the sign that this was done, so an import of later ties nothing anew. If two processes start at the same time,
 * one creates the table and the other finds it.
 */
export async function createLoginTable(db: Database): Promise<void> {
  await unlessDone(
    () => db.getSchemaConnection().hasTable(loginTable),
    () =>
      inTransaction(db, async (trx) => {
        await createTable(db, trx);
        await statementsOf(trx)(tieFormerSessions);
      }),
  );
}

/** With the session or the account, the database deletes the row. */
async function createTable(db: Database, trx: Knex.Transaction): Promise<void> {
  await db.getSchemaConnection(trx).createTable(loginTable, (table) => {
    table.integer('session_row_id').primary();
    table.string('session_id', 255).notNullable().unique();
    // The session that the login began with. Each renewal of its tokens is another session of the same family.
    table.string('family_id', 255).notNullable().index();
    table.integer('user_id').notNullable().index();
    table.string('user_document_id', 255).notNullable();
    table.string('password_mark', 255).notNullable();
    // When its refresh token was used. Milliseconds since 1970, by the database's clock.
    table.bigInteger('rotated_at');
    table.foreign('session_row_id').references('id').inTable('strapi_sessions').onDelete('CASCADE');
    table.foreign('user_id').references('id').inTable('up_users').onDelete('CASCADE');
  });
}

/** A session that is older than the account of its number is that of an account which is gone. */
const tieFormerSessions: Statement = {
  sql: `
    insert into ${loginTable}
      (session_row_id, session_id, family_id, user_id, user_document_id, password_mark, rotated_at)
    with recursive families (session_id, child_id, family_id) as (
      select s.session_id, s.child_id, s.session_id
      from strapi_sessions s
      where s.origin = ?
        and not exists (select 1 from strapi_sessions parent where parent.child_id = s.session_id)
      union all
      select child.session_id, child.child_id, f.family_id
      from families f join strapi_sessions child on child.session_id = f.child_id
    )
    select s.id, s.session_id, f.family_id, u.id, u.document_id, ${passwordMarkOfAccount},
      case when s.status = 'active' then null else 0 end
    from families f
    join strapi_sessions s on s.session_id = f.session_id
    join up_users u on cast(u.id as varchar(255)) = s.user_id
    where u.document_id is not null and u.created_at <= s.created_at`,
  values: [userOrigin],
};
