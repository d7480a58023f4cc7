import type { Days } from '../days';
import { lockState } from '../schema';
import { bothTables, type Layout } from './layout';
import { createTablesLayout, type Dialect } from './tables';

/** SQLite: every change is a transaction, and one writer locks out all others. */
const dialect: Dialect = {
  // Dropping a large table would block all others for too long.
  dropsWhole: false,

  async listNames(statements) {
    const rows = await statements.all(
      `select name, type from sqlite_master where type in ('table', 'view')
       and (${bothTables.map(({ name }) => `name glob '${name}*'`).join(' or ')})`,
    );
    return new Map(rows.map((row) => [String(row['name']), row['type'] === 'view' ? 'view' : 'table']));
  },

  change: (database, work) =>
    database.transaction(async (statements) => {
      await lockState(statements);
      return work(statements);
    }),

  whileUnwritten: (_statements, _tables, work) => work(),

  async replaceView(statements, name, select) {
    await statements.run(`drop view if exists ${name}`);
    await statements.run(`create view ${name} as ${select}`);
  },

  async rename(statements, names) {
    for (const [from, to] of names) await statements.run(`alter table ${from} rename to ${to}`);
  },

  async dropTables(statements, tables) {
    for (const table of tables) await statements.run(`drop table if exists ${table}`);
  },

  removePartitions: async () => undefined,
};

export const createSqliteLayout = (days: Days): Layout => createTablesLayout(dialect, days);
