import { randomBytes } from 'node:crypto';

import type { Database, Statements } from './database';
import type { Layout } from './layout/layout';
import {
  alone,
  bucketSums,
  createBuckets,
  createDailySums,
  createErasures,
  createSums,
  firstTokenColumn,
  indexByOwner,
  markUnnamed,
  stateColumns,
  typesOf,
  userColumn,
} from './schema';

/** Creates the id that distinguishes one store from another, even after a move. */
export function createIdentity(): string {
  return randomBytes(12).toString('hex');
}

/**
 * Adds documentIds to a store of a version that named users by number, and removes the sums by number. Afterwards, the
 * writer names the records in the background (`naming.ts`). Each step can run again, because MySQL commits each step
 * separately.
 */
export async function convert(database: Database, layout: Layout): Promise<void> {
  await alone(database, async (statements) => {
    for (const column of await stateColumns(statements)) await addColumn(statements, 'history_state', column);
    await markUnnamed(statements);
  });
  await addRecordColumns(database, layout);
  await alone(database, async (statements) => {
    await replace(statements, 'history_erasures', createErasures, {
      into: ['user_document_id', 'user_id', 'conversation_id', 'erased_before'],
      select: `select '', user_id, conversation_id, erased_before`,
    });
    const sums = ['start_ms', 'model', 'character_id', 'currency', ...bucketSums];
    await replace(statements, 'history_buckets', createBuckets, {
      into: ['user_document_id', ...sums],
      select: `select '', ${sums.join(', ')}`,
      where: 'user_id = 0',
    });
    if (await isByNumber(statements, 'history_conversations'))
      await statements.run('drop table history_conversations');
    await createSums(statements);
    await statements.run('update history_state set identity = ? where id = 1 and identity is null', [
      createIdentity(),
    ]);
  });
}

/**
 * Adds the daily sums to a store of a version that had none. `countDays` then fills them in the background, while new
 * records are added to them. Each step can run again.
 */
export async function addDailySums(database: Database, layout: Layout): Promise<void> {
  await addRecordColumns(database, layout);
  await alone(database, async (statements) => {
    await createDailySums(statements);
    for (const column of await stateColumns(statements)) await addColumn(statements, 'history_state', column);
    await statements.run(
      'update history_state set uncounted_before = ? where id = 1 and uncounted_before is null',
      [Number.MAX_SAFE_INTEGER],
    );
  });
}

/** Adds the columns that older versions lacked. PostgreSQL locks out readers until the end of its transaction. */
async function addRecordColumns(database: Database, layout: Layout): Promise<void> {
  await alone(database, (statements) => addColumns(statements, layout));
}

async function addColumns(statements: Statements, layout: Layout): Promise<void> {
  const { key } = await typesOf(statements);
  const tables = (await layout.segments(statements)).flatMap(({ records, errors }) => [records, errors]);
  for (const table of tables)
    for (const column of [userColumn(key), firstTokenColumn]) await addColumn(statements, table, column);
  await layout.refresh(statements);
  for (const table of tables) {
    await dropIndexByNumber(statements, table);
    await indexByOwner(statements, table);
  }
}

async function addColumn(statements: Statements, table: string, column: string): Promise<void> {
  const [name = ''] = column.split(' ');
  if ((await columnsIn(statements, table)).includes(name)) return;
  await statements.run(`alter table ${table} add column ${column}`);
}

interface Copied {
  readonly into: readonly string[];
  readonly select: string;
  readonly where?: string;
}

/** Copies the rows to keep into a new table, which then gets the old name. */
async function replace(
  statements: Statements,
  table: string,
  create: (statements: Statements, name: string) => Promise<void>,
  { into, select, where = 'true' }: Copied,
): Promise<void> {
  const copy = `${table}_new`;
  if (await isByNumber(statements, table)) {
    await statements.run(`drop table if exists ${copy}`);
    await create(statements, copy);
    await statements.run(`insert into ${copy} (${into.join(', ')}) ${select} from ${table} where ${where}`);
    await statements.run(`drop table ${table}`);
  }
  const isCopied = (await columnsIn(statements, copy)).length > 0;
  if (isCopied) await statements.run(`alter table ${copy} rename to ${table}`);
}

/** Returns false if the table does not exist. */
async function isByNumber(statements: Statements, table: string): Promise<boolean> {
  const columns = await columnsIn(statements, table);
  return columns.length > 0 && !columns.includes('user_document_id');
}

async function columnsIn(statements: Statements, table: string): Promise<readonly string[]> {
  const sql = {
    sqlite: 'select name from pragma_table_info(?)',
    postgres:
      'select column_name as name from information_schema.columns where table_schema = current_schema() and table_name = ?',
    mysql:
      'select column_name as name from information_schema.columns where table_schema = database() and table_name = ?',
  }[statements.kind];
  return (await statements.all(sql, [table])).map((row) => String(row['name']));
}

const columnsByNumber = ['user_id', 'conversation_id', 'created_at', 'record_id'];

/** Drops the indexes by number, because no query uses them any more. */
async function dropIndexByNumber(statements: Statements, table: string): Promise<void> {
  switch (statements.kind) {
    case 'sqlite': {
      const rows = await statements.all(
        `select name from pragma_index_list(?) list
         where (select group_concat(name) from pragma_index_info(list.name)) = ?`,
        [table, columnsByNumber.join()],
      );
      for (const row of rows) await statements.run(`drop index ${String(row['name'])}`);
      return;
    }
    case 'postgres': {
      const rows = await statements.all(
        `select indexname as name from pg_indexes
         where schemaname = current_schema() and tablename = ? and indexdef like ?`,
        [table, `%(${columnsByNumber.join(', ')})`],
      );
      for (const row of rows) await statements.run(`drop index ${String(row['name'])}`);
      return;
    }
    case 'mysql': {
      const rows = await statements.all(
        `select 1 from information_schema.statistics
         where table_schema = database() and table_name = ? and index_name = 'by_user' limit 1`,
        [table],
      );
      if (rows.length > 0) await statements.run(`drop index by_user on ${table}`);
    }
  }
}
