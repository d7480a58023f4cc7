import type { Core, UID } from '@strapi/strapi';

import { inTransaction } from './transaction';

/** Values by column. */
type Row = Readonly<Record<string, unknown>>;

/**
 * Inserts rows of a content type, with what its schema gives to columns they leave out (the documentId among them). As
 * Strapi's query layer does, but by columns instead of attributes, and for a fraction of the processor time.
 * @returns their ids, in their order.
 */
export async function insertRows(
  db: Core.Strapi['db'],
  uid: UID.ContentType,
  rows: readonly Row[],
): Promise<readonly number[]> {
  const { tableName, attributes } = db.metadata.get(uid);
  const whole = rows.map((row) => ({ ...defaultsOf(attributes), ...row }));
  return inTransaction(db, async (trx) => {
    const inserted = (await db.connection(tableName).transacting(trx).insert(whole, ['id'])) as {
      id: number;
    }[];
    return inserted.map(({ id }) => id);
  });
}

const isMaker = (value: unknown): value is () => unknown => typeof value === 'function';

function defaultsOf(attributes: Readonly<Record<string, object>>): Row {
  const defaults: Record<string, unknown> = {};
  for (const [name, attribute] of Object.entries(attributes)) {
    if (!('default' in attribute) || attribute.default === undefined) continue;
    const column = 'columnName' in attribute ? String(attribute.columnName) : name;
    defaults[column] = isMaker(attribute.default) ? attribute.default() : attribute.default;
  }
  return defaults;
}
