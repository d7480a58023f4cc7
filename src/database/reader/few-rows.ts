import type { Core } from '@strapi/strapi';

import type { Owner } from '../../chat';
import { statementsOf } from '../sql/statements';

/** How many index rows the main connection may read. SQLite blocks the process for about a millisecond for them. */
export const fewRows = 1_000;

type Table = 'chat_conversations' | 'chat_sessions';

/** Returns SQL that counts a user's undeleted rows, up to `fewRows + 1`. Its two values are the user id and false. */
export function countUpToFew(table: Table): string {
  return `select count(*) from (select 1 as one from ${table} where user_id = ? and is_deleted = ? limit ${fewRows + 1}) as few`;
}

export async function countFew(db: Core.Strapi['db'], table: Table, owner: Owner): Promise<number> {
  const sql = `select (${countUpToFew(table)}) as count`;
  const run = statementsOf(db.connection);
  const [row] = await run<{ readonly count: number | string }>({ sql, values: [owner.id, false] });
  return Number(row?.count ?? 0);
}
