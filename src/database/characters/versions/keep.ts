import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { inTransaction } from '../../sql/transaction';
import { statementsOf } from '../../sql/statements';
import { isMainRow } from '../locales';
import { hashOf, toVersionFields, versionFieldNames, type CharacterColumns } from './fields';
import { versionTable } from './table';

type Database = Core.Strapi['db'];

/** Characters per statement. Prompts can be long, so few are in memory together. */
const pageSize = 100;

interface PublishedRow extends CharacterColumns {
  readonly id: number;
  readonly document_id: string;
  readonly published_at: Date | number | string;
}

/** When a version was published, and by which administrator. */
export interface Publication {
  readonly publishedAt: Date;
  readonly adminId: number | null;
}

/**
 * Keeps the published main row of a character as a version, in the transaction of the publish. Does nothing if the character
 * is not published, or if its newest version has the same fields.
 */
export async function keepVersion(
  db: Database,
  trx: Knex.Transaction,
  documentId: string,
  publication: Publication,
): Promise<void> {
  const row = (await publishedRows(db).transacting(trx).where({ document_id: documentId }).first()) as
    PublishedRow | undefined;
  if (row !== undefined) await keepRow(trx, row, publication);
}

/** Keeps each published character that has no version with its fields: of an earlier release, an import, or SQL. */
export async function keepPublishedVersions(db: Database): Promise<void> {
  let after = 0;
  for (;;) {
    const rows = (await publishedRows(db)
      .where('id', '>', after)
      .orderBy('id')
      .limit(pageSize)) as PublishedRow[];
    if (rows.length > 0) {
      await inTransaction(db, async (trx) => {
        for (const row of rows)
          await keepRow(trx, row, { publishedAt: new Date(row.published_at), adminId: null });
      });
    }
    if (rows.length < pageSize) return;
    after = rows.at(-1)?.id ?? after;
  }
}

/** Deletes the versions of a character that has no row left. An editor can delete one locale of several. */
export async function dropVersions(db: Database, trx: Knex.Transaction, documentId: string): Promise<void> {
  const { connection } = db;
  await connection(versionTable)
    .transacting(trx)
    .where({ document_id: documentId })
    .whereNotExists(connection('ai_characters').where({ document_id: documentId }).select('id'))
    .delete();
}

function publishedRows(db: Database): Knex.QueryBuilder {
  return db.connection
    .from({ p: 'ai_characters' })
    .whereNotNull('published_at')
    .whereRaw(isMainRow('p'))
    .select('id', 'document_id', 'published_at', ...versionFieldNames);
}

async function keepRow(
  trx: Knex.Transaction,
  row: PublishedRow,
  { publishedAt, adminId }: Publication,
): Promise<void> {
  const statement = statementsOf(trx);
  const fields = toVersionFields(row);
  const hash = hashOf(fields);
  for (let isKept = false; !isKept;) {
    const [newest] = await statement<{ readonly hash: string }>({
      sql: `select hash from ${versionTable} where document_id = ? order by version desc limit 1`,
      values: [row.document_id],
    });
    if (newest?.hash === hash) return;
    // Another process can take the same number. The statement then inserts nothing, and the next try sees that row.
    const inserted = await statement<object>({
      sql: `insert into ${versionTable} (document_id, version, hash, fields, published, admin_id)
        select ?, coalesce(max(version), 0) + 1, ?, ?, ?, ${adminId === null ? 'null' : String(adminId)}
        from ${versionTable} where document_id = ?
        on conflict (document_id, version) do nothing returning version`,
      values: [row.document_id, hash, JSON.stringify(fields), publishedAt.getTime(), row.document_id],
    });
    isKept = inserted.length > 0;
  }
}
