import { setTimeout as wait } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { isRowId } from '../sql/row-id';
import { inTransaction } from '../sql/transaction';

type Database = Core.Strapi['db'];

const tables = ['chat_sessions', 'chat_conversations'];
/** Rows per statement. SQLite needs a few milliseconds for it and blocks all other work meanwhile. */
const batchSize = 500;
/** The pause between two batches. Other work runs first, and rows that a turn had locked become free. */
const pauseMs = 10;

/**
 * Returns SQL for the documentId of the character of a row of `chat_sessions` or `chat_conversations`.
 * Rows from releases without `ai_character_document_id` link to a row of `ai_characters`.
 * `fillCharacterLinks` later replaces that link.
 * @param table the name or alias of the table.
 */
export function characterOf(table: string): string {
  const ofRow = `(select document_id from ai_characters where ai_characters.id = ${table}.ai_character_id)`;
  return `coalesce(${table}.ai_character_document_id, ${ofRow})`;
}

/**
 * Returns SQL for the documentId of the character with this id, and its value; SQL for an empty text if none exists.
 * The database reads it once as a value. Both rows of a character have the same documentId.
 */
export function characterNamed(reference: string): { readonly sql: string; readonly value: string | number } {
  const column = isRowId(reference) ? 'numeric_id' : 'document_id';
  return {
    sql: `coalesce((select max(document_id) from ai_characters where ${column} = ?), '')`,
    value: isRowId(reference) ? Number(reference) : reference,
  };
}

/** Databases in which every row has the documentId of its character. */
const filled = new WeakSet<Database>();

/** Returns the same SQL for conditions. Once all rows have the documentId, it is the indexed column alone. */
export function characterColumn(db: Database, table: string): string {
  return filled.has(db) ? `${table}.ai_character_document_id` : characterOf(table);
}

/**
 * Writes the documentId of its character into every row, in small batches, and sets `ai_character_id` to null.
 * The index on `ai_character_id` therefore finds the remaining rows.
 * This also works after a restart or in two processes at the same time.
 */
export async function fillCharacterLinks(db: Database, signal: AbortSignal): Promise<void> {
  for (const table of tables) {
    while (!signal.aborted && (await anyIsLeft(db, table))) {
      const left = `select id from ${table} where ai_character_id > 0 limit ${batchSize}`;
      // Skip locked rows, so that no transaction waits. A later batch takes them.
      const among =
        db.dialect.client === 'sqlite' ? `in (${left})` : `= any(array(${left} for update skip locked))`;
      await db.connection(table).whereRaw(`id ${among}`).update(byDocumentId(db, table));
      await wait(pauseMs);
    }
  }
  if (!signal.aborted) filled.add(db);
}

/** Does the same in one transaction for all links to these rows of `ai_characters`, which are deleted next. */
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
