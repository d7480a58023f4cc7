import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { statementsOf, type Statement } from '../sql/statements';
import { inTransaction } from '../sql/transaction';
import { unlessDone } from '../sql/schema-changes';

type Database = Core.Strapi['db'];

/**
 * Stores the account of each session of users-permissions.
 * Strapi's own table has only the user id, which an import can give to another user.
 * The table is no content type, so an import does not change it.
 */
export const loginTable = 'chat_logins';

/** The origin under which Strapi's session manager stores the sessions of users. */
export const userOrigin = 'users-permissions';

/**
 * The length of a password mark: version, cost and salt of a bcrypt hash.
 * Each new password gets a new salt, so the old mark no longer matches. The mark reveals nothing about the password.
 */
const markChars = 29;

export function toPasswordMark(hash: string | null): string {
  return (hash ?? '').slice(0, markChars);
}

/** SQL for the password mark of the account `u`. */
export const passwordMarkOfAccount = `coalesce(substr(u.password, 1, ${markChars}), '')`;

/**
 * Creates the table and ties existing sessions to their accounts in one transaction, so an upgrade logs nobody out.
 * Does nothing if the table exists, so a later import does not tie sessions again.
 * If two processes start at the same time, one creates the table and the other finds it.
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

/**
 * Drops the table. A server that does not tie sessions calls it. The next one that does creates the table again, and
 * ties the sessions that exist then.
 */
export async function dropLoginTable(db: Database): Promise<void> {
  await db.getSchemaConnection().dropTableIfExists(loginTable);
}

/** Creates the table. The database deletes a row together with its session or its account. */
async function createTable(db: Database, trx: Knex.Transaction): Promise<void> {
  await db.getSchemaConnection(trx).createTable(loginTable, (table) => {
    table.integer('session_row_id').primary();
    table.string('session_id', 255).notNullable().unique();
    // The first session of the login. Each token renewal creates another session of the same family.
    table.string('family_id', 255).notNullable().index();
    table.integer('user_id').notNullable().index();
    table.string('user_document_id', 255).notNullable();
    table.string('password_mark', 255).notNullable();
    // The time when its refresh token was used: milliseconds since 1970, by the database's clock.
    table.bigInteger('rotated_at');
    table.foreign('session_row_id').references('id').inTable('strapi_sessions').onDelete('CASCADE');
    table.foreign('user_id').references('id').inTable('up_users').onDelete('CASCADE');
  });
}

/** Skips a session that is older than the account with its user id: it belonged to a deleted account. */
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
