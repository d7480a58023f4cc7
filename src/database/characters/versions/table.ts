import type { Core } from '@strapi/strapi';

import { createTable } from '../../sql/schema-changes';

type Database = Core.Strapi['db'];

/** One row for each version that was published. The table is no content type, so an import does not change it. */
export const versionTable = 'chat_character_versions';

const answersIndex = 'chat_conversations_character_version_idx';

/** Databases that have the table. */
const ready = new WeakSet<Database>();

/** A host can publish characters in its bootstrap, before the table exists. `keepPublishedVersions` keeps these. */
export const hasVersionTable = (db: Database): boolean => ready.has(db);

export async function createVersionTable(db: Database): Promise<void> {
  await createTable(db, versionTable, (table) => {
    table.increments('id');
    table.string('document_id', 255).notNullable();
    // 1, 2, … for each character.
    table.integer('version').notNullable();
    // SHA-256 of the fields, in hexadecimal digits.
    table.string('hash', 64).notNullable();
    // JSON. Never contains the API key.
    table.text('fields').notNullable();
    // Milliseconds since 1970.
    table.bigInteger('published').notNullable();
    // The row of the administrator; null for an API token, a script or an import.
    table.integer('admin_id');
    table.unique(['document_id', 'version']);
  });
  await indexAnswers(db);
  ready.add(db);
}

/**
 * Creates the index of answers by version. Strapi's schemas cannot describe a partial index, and Strapi does not drop
 * it. Two processes that start at the same time may both create it.
 */
async function indexAnswers(db: Database): Promise<void> {
  const create =
    `create index if not exists ${answersIndex} ` +
    'on chat_conversations (ai_character_document_id, character_version) where character_version is not null';
  // PostgreSQL checks and then creates. If another process creates the index in between, PostgreSQL throws an error.
  await db.connection.raw(create).catch(() => db.connection.raw(create));
}
