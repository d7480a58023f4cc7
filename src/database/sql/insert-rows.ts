import type { Core, UID } from '@strapi/strapi';

import { createDocumentId } from './document-id';
import type { RunStatement, Statement, Value } from './statements';

/** Values by column. */
export type Row = Readonly<Record<string, Value>>;

/**
 * Inserts rows of a content type in a transaction, see `toInsertion`: on PostgreSQL by one message to the server. On SQLite
 * by a statement each, as one that could fail halfway copies every page it changes, into a file of its own once they
 * are more than 64 KB, and the two messages of a turn often are: that was a third of opening it.
 */
export async function insertRows(
  db: Core.Strapi['db'],
  statement: RunStatement,
  uid: UID.ContentType,
  rows: readonly Row[],
  expressions: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (db.dialect.client === 'postgres') await statement(toInsertion(db, uid, rows, expressions));
  else for (const row of rows) await statement(toInsertion(db, uid, [row], expressions));
}

/**
 * The statement that inserts rows of a content type, with what its schema gives to columns they leave out (the
 * documentId among them), and null for what only others of them have. As Strapi's query layer does, but by columns
 * instead of attributes, and for a fraction of the processor time.
 * @param expressions what stands for the value of a column where that is more than a `?`.
 */
export function toInsertion(
  db: Core.Strapi['db'],
  uid: UID.ContentType,
  rows: readonly Row[],
  expressions: Readonly<Record<string, string>> = {},
): Statement {
  const { tableName, attributes } = db.metadata.get(uid);
  const defaults = defaultsOf(attributes);
  const whole = rows.map((row): Row => Object.assign(makeDefaults(defaults), row));
  const columns = [...new Set(whole.flatMap((row) => Object.keys(row)))];
  const tuple = `(${columns.map((column) => expressions[column] ?? '?').join(', ')})`;
  return {
    sql: `insert into ${tableName} (${columns.join(', ')}) values ${whole.map(() => tuple).join(', ')}`,
    values: whole.flatMap((row) => columns.map((column) => row[column] ?? null)),
  };
}

type Attributes = ReturnType<Core.Strapi['db']['metadata']['get']>['attributes'];
/** By column: a value, or what makes one for each row. */
type Defaults = readonly (readonly [column: string, value: Value | (() => Value)])[];

/** Read once of each content type: it has some thirty attributes, and three rows are inserted for each turn. */
const known = new WeakMap<Attributes, Defaults>();

function defaultsOf(attributes: Attributes): Defaults {
  const defaults = known.get(attributes) ?? readDefaults(attributes);
  known.set(attributes, defaults);
  return defaults;
}

function readDefaults(attributes: Attributes): Defaults {
  return Object.entries(attributes).flatMap(([name, attribute]) => {
    if (!('default' in attribute) || attribute.default === undefined) return [];
    const column = 'columnName' in attribute ? String(attribute.columnName) : name;
    if (column === 'document_id') return [[column, createDocumentId]];
    return [[column, attribute.default as Value | (() => Value)]];
  });
}

function makeDefaults(defaults: Defaults): Record<string, Value> {
  return Object.fromEntries(
    defaults.map(([column, value]) => [column, typeof value === 'function' ? value() : value]),
  );
}
