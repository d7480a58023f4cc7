import type { Core, UID } from '@strapi/strapi';

import { toTuples } from './given-rows';
import type { RunStatement, Value } from './statements';

/** Values by column. */
type Row = Readonly<Record<string, Value>>;

/**
 * Inserts rows of a content type, with what its schema gives to columns they leave out (the documentId among them), and
 * null for what only others of them have. As Strapi's query layer does, but by columns instead of attributes, and for a
 * fraction of the processor time.
 * @returns their ids, in their order.
 */
export async function insertRows(
  db: Core.Strapi['db'],
  statement: RunStatement,
  uid: UID.ContentType,
  rows: readonly Row[],
): Promise<readonly number[]> {
  const { tableName, attributes } = db.metadata.get(uid);
  const whole = rows.map((row) => ({ ...defaultsOf(attributes), ...row }));
  const columns = [...new Set(whole.flatMap((row) => Object.keys(row)))];
  const values = whole.map((row) => columns.map((column) => row[column] ?? null));
  const inserted = await statement<{ readonly id: number }>(
    `insert into ${tableName} (${columns.join(', ')}) values ${toTuples(values)} returning id`,
    values.flat(),
  );
  return inserted.map(({ id }) => id);
}

type Attributes = ReturnType<Core.Strapi['db']['metadata']['get']>['attributes'];

const isMaker = (value: unknown): value is () => Value => typeof value === 'function';

function defaultsOf(attributes: Attributes): Row {
  const defaults: Record<string, Value> = {};
  for (const [name, attribute] of Object.entries(attributes)) {
    if (!('default' in attribute) || attribute.default === undefined) continue;
    const column = 'columnName' in attribute ? String(attribute.columnName) : name;
    defaults[column] = isMaker(attribute.default) ? attribute.default() : (attribute.default as Value);
  }
  return defaults;
}
