import { setTimeout as wait } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { inTransaction } from '../sql/transaction';

type Database = Core.Strapi['db'];

const tables = ['chat_sessions', 'chat_conversations'];
/** Rows of one statement: a few milliseconds of SQLite, for which all others wait. */
const batchSize = 500;
/** Between two batches others come first, and rows that a turn was writing are free again. */
const pauseMs = 10;

/**
 * The documentId of the character that a row of `chat_sessions` or `chat_conversations` names, as SQL. Rows of releases
 * before `ai_character_document_id` name a row of `ai_characters`, until `fillCharacterLinks` has come to them.
 * @param table the name or alias of the table.
 */
export function characterOf(table: string): string {
  const ofRow = `(select document_id from ai_characters where ai_characters.id = ${table}.ai_character_id)`;
  return `coalesce(${table}.ai_character_document_id, ${ofRow})`;
}

/** Databases in which every row names the documentId. */
const filled = new WeakSet<Database>();

/** The same for a condition. Once no row needs more, it is the column alone, which has an index. */
export function characterColumn(db: Database, table: string): string {
  return filled.has(db) ? `${table}.ai_character_document_id` : characterOf(table);
}

/**
 * Has every row name its character by the documentId, in small batches. `ai_character_id` is null afterwards, so the rows
 * that are left are found by its index, also after a restart or in two processes at the same time.
 */
export async function fillCharacterLinks(db: Database, signal: AbortSignal): Promise<void> {
  for (const table of tables) {
    while (!signal.aborted && (await anyIsLeft(db, table))) {
      const left = `select id from ${table} where ai_character_id > 0 limit ${batchSize}`;
      // A locked row is left for a later batch: nobody waits for the other.
      const among =
        db.dialect.client === 'sqlite' ? `in (${left})` : `= any(array(${left} for update skip locked))`;
      await db.connection(table).whereRaw(`id ${among}`).update(byDocumentId(db, table));
      await wait(pauseMs);
    }
  }
  if (!signal.aborted) filled.add(db);
}

/** The same at once for all that name these rows of `ai_characters`, which are about to be deleted. */
export async function fillLinksTo(db: Database, characterRowIds: readonly number[]): Promise<void> {
  await inTransaction(db, async (trx) => {
    for (const table of tables) {
      const rows = db
        .connection(table)
        .transacting(trx)
        .whereIn('ai_character_id', [...characterRowIds]);
      await rows.update(byDocumentId(db, table));
    }
  });
}

function byDocumentId(db: Database, table: string): Readonly<Record<string, Knex.Raw | null>> {
  return { ai_character_document_id: db.connection.raw(characterOf(table)), ai_character_id: null };
}

async function anyIsLeft(db: Database, table: string): Promise<boolean> {
  const row: unknown = await db.connection(table).where('ai_character_id', '>', 0).first('id');
  return row !== undefined;
}
