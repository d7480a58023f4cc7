import type { Statements } from '../database';
import type { Days } from '../days';
import { alone } from '../schema';
import { whole, type Layout } from './layout';
import { createTablesLayout, type Dialect } from './tables';

/** MySQL and MariaDB: a change of a table ends the transaction and its row locks. */
const dialect: Dialect = {
  dropsWhole: true,

  async listNames(statements) {
    // A list of names reads no table. The type of each table would open it.
    const rows = await statements.all(
      `select table_name as name from information_schema.tables where table_schema = database()
       and (table_name like 'conversation\\_histories%' or table_name like 'error\\_conversation\\_histories%')`,
    );
    const [own] = await statements.all(
      `select table_type as type from information_schema.tables
       where table_schema = database() and table_name = '${whole.records}'`,
    );
    // The view is missing for a moment while another process drops and creates it.
    const isView = own === undefined || own['type'] === 'VIEW';
    return new Map(
      rows.map((row) => {
        const name = String(row['name']);
        return [name, isView && name === whole.records ? 'view' : 'table'];
      }),
    );
  },

  change: alone,

  async whileUnwritten(statements, tables, work) {
    if (tables.length === 0) return work();
    await statements.run(`lock tables ${tables.map((table) => `${table} write`).join(', ')}`);
    try {
      return await work();
    } finally {
      await statements.run('unlock tables');
    }
  },

  // With the rights of its creator, the view would be unreadable after the login is renamed.
  replaceView: async (statements, name, select) =>
    void (await statements.run(`create or replace sql security invoker view ${name} as ${select}`)),

  async rename(statements, names) {
    await statements.run(`rename table ${names.map(([from, to]) => `${from} to ${to}`).join(', ')}`);
  },

  async dropTables(statements, tables) {
    await statements.run(`drop table if exists ${tables.join(', ')}`);
  },

  async removePartitions(statements, tables) {
    for (const table of tables)
      if (await isPartitioned(statements, table))
        await statements.run(`alter table ${table} remove partitioning`);
  },
};

export const createMysqlLayout = (days: Days): Layout => createTablesLayout(dialect, days);

/** An earlier version divided the tables by partitions. */
async function isPartitioned(statements: Statements, table: string): Promise<boolean> {
  const rows = await statements.all(
    `select 1 from information_schema.partitions
     where table_schema = database() and table_name = ? and partition_name is not null limit 1`,
    [table],
  );
  return rows.length > 0;
}
