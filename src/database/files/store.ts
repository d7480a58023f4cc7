import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { FileStore, NewUpload, Owner } from '../../chat';
import { createTable } from '../sql/schema-changes';

type Database = Core.Strapi['db'];

/** The table is no content type, so Strapi does not change it, and no route of Strapi shows it. */
const tableName = 'chat_files';

/** Creates the table. The server calls this before it accepts uploads. */
export async function createFileTable(db: Database): Promise<void> {
  await createTable(db, tableName, (table) => {
    table.increments('id');
    table.string('file_id', 255).notNullable();
    table.string('upstream_id', 255).notNullable();
    // Not the id of the row, which an import changes.
    table.string('user_document_id', 255).notNullable();
    table.string('name', 255).notNullable();
    table.string('mime_type', 255).notNullable();
    table.integer('size').notNullable();
    // Milliseconds since 1970.
    table.bigInteger('created').notNullable().index();
    // Base64. Null if the upstream has the bytes.
    table.text('content');
    table.unique(['file_id', 'upstream_id']);
    table.index(['user_document_id', 'id']);
  });
}

/** Creates the store of uploads on Strapi's database. */
export function createFileStore(db: Database): FileStore {
  const rows = () => db.connection(tableName);
  return {
    async save(owner, upload) {
      await rows().insert(toRow(owner, upload));
    },
    async findOwn(owner, upstreamId, ids) {
      const own = rows()
        .where({ user_document_id: owner.documentId, upstream_id: upstreamId })
        .whereIn('file_id', ids);
      const found = (await own.select('file_id')) as Pick<Row, 'file_id'>[];
      return new Set(found.map((row) => row.file_id));
    },
    async findUploads(owner, ids) {
      const own = rows().where({ user_document_id: owner.documentId }).whereIn('file_id', ids);
      const found = (await own.select(...columns)) as Row[];
      return new Map(found.map((row) => [row.file_id, toUpload(row)]));
    },
    async read(owner, upstreamId, id) {
      const own = { user_document_id: owner.documentId, upstream_id: upstreamId, file_id: id };
      const row = (await rows().where(own).whereNotNull('content').first('mime_type', 'content')) as
        { readonly mime_type: string; readonly content: string } | undefined;
      return row === undefined ? null : { mimeType: row.mime_type, base64: row.content };
    },
    async listAfter(owner, { id, limit }) {
      const own = rows()
        .where({ user_document_id: owner.documentId })
        .where('id', '>', id)
        .orderBy('id')
        .limit(limit);
      const found = (await own.select(...columns)) as Row[];
      return found.map((row) => ({ id: row.id, upload: toUpload(row) }));
    },
    async eraseKept(before) {
      await rows().whereNotNull('content').where('created', '<', before.getTime()).delete();
    },
  };
}

/** Erases the uploads of a user. */
export async function eraseFilesOf(
  db: Database,
  trx: Knex.Transaction,
  userDocumentId: string,
): Promise<void> {
  await db.connection(tableName).transacting(trx).where({ user_document_id: userDocumentId }).delete();
}

const columns = ['id', 'file_id', 'upstream_id', 'name', 'mime_type', 'size', 'created'] as const;

interface Row {
  readonly id: number;
  readonly file_id: string;
  readonly upstream_id: string;
  readonly name: string;
  readonly mime_type: string;
  readonly size: number;
  readonly created: number | string;
}

function toRow(owner: Owner, { id, upstreamId, name, mimeType, size, createdAt, base64 }: NewUpload) {
  return {
    file_id: id,
    upstream_id: upstreamId,
    user_document_id: owner.documentId,
    name,
    mime_type: mimeType,
    size,
    created: createdAt.getTime(),
    content: base64,
  };
}

function toUpload(row: Row) {
  return {
    id: row.file_id,
    upstreamId: row.upstream_id,
    name: row.name,
    mimeType: row.mime_type,
    size: row.size,
    createdAt: new Date(Number(row.created)),
  };
}
