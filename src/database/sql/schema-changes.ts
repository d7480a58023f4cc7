import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

type Database = Core.Strapi['db'];

/** A database whose schema can be changed. */
export interface WithSchema {
  getSchemaConnection(): Knex.SchemaBuilder;
}

/** Creates a table of this server, unless it exists. See `unlessDone`. */
export async function createTable(
  db: WithSchema,
  name: string,
  columns: (table: Knex.CreateTableBuilder) => void,
): Promise<void> {
  const schema = () => db.getSchemaConnection();
  await unlessDone(
    () => schema().hasTable(name),
    () => schema().createTable(name, columns),
  );
}

/** Adds a column to a table of an older release, which lacks it. Its texts have at most 255 characters. */
export async function addTextColumn(db: Database, table: string, column: string): Promise<void> {
  const schema = () => db.getSchemaConnection();
  await unlessDone(
    () => schema().hasColumn(table, column),
    () => schema().alterTable(table, (columns) => void columns.string(column, 255)),
  );
}

/**
 * Runs a schema change unless it is already done.
 * If two processes start at the same time, one makes the change. The other one fails and then finds the change done.
 */
export async function unlessDone(
  isDone: () => Promise<boolean>,
  work: () => Promise<unknown>,
): Promise<void> {
  if (await isDone()) return;
  try {
    await work();
  } catch (error) {
    if (!(await isDone())) throw error;
  }
}
