import type { Core } from '@strapi/strapi';

import { isMainRow } from './locales';
import { statementsOf, type RunStatement } from '../sql/statements';
import { inTransaction } from '../sql/transaction';
import { createTable } from '../sql/schema-changes';

type Database = Core.Strapi['db'];

/** Holds one row: the last id that a character got. The table is no content type, so Strapi does not change it. */
const tableName = 'chat_character_ids';

/** Creates the table. If two processes start at the same time, one creates it and the other finds it. */
export async function createNumberTable(db: Database): Promise<void> {
  await createTable(db, tableName, (table) => {
    table.integer('id').primary();
    table.integer('last_id').notNullable();
  });
}

/**
 * Sets `numeric_id` for each character without one, the same in all its rows.
 * The first run in a database uses the row id that replies have shown so far.
 * Later runs, for characters from an import or SQL, use a new id.
 */
export async function numberCharacters(db: Database): Promise<void> {
  await inTransaction(db, async (trx) => {
    const statement = statementsOf(trx);
    if (await beginCounting(db, statement)) await keepShownIds(statement);
    for (const { document_id: documentId, known } of await selectMissing(statement)) {
      await statement({
        sql: 'update ai_characters set numeric_id = ? where document_id = ? and numeric_id is null',
        values: [known ?? (await takeNext(statement)), documentId],
      });
    }
  });
}

/** Returns an id that no character of this database has ever had. It is above all row ids from before the first run. */
export async function nextNumericId(db: Database): Promise<number> {
  return inTransaction(db, async (trx) => {
    const statement = statementsOf(trx);
    if (await beginCounting(db, statement)) await keepShownIds(statement);
    return takeNext(statement);
  });
}

/** Returns whether this is the first run. A second process waits here for the end of the transaction. */
async function beginCounting({ dialect }: Database, statement: RunStatement): Promise<boolean> {
  const lastOfSequence =
    dialect.client === 'sqlite'
      ? "(select seq from sqlite_sequence where name = 'ai_characters')"
      : "pg_sequence_last_value(pg_get_serial_sequence('ai_characters', 'id')::regclass)";
  const [existing] = await statement<object>({ sql: `select id from ${tableName}`, values: [] });
  if (existing !== undefined) return false;
  const begun = await statement<object>({
    sql: `insert into ${tableName} (id, last_id) values (1, (select max(used) from (
        select coalesce(${lastOfSequence}, 0) as used union all select coalesce(max(id), 0) from ai_characters
      ) as ids)) on conflict (id) do nothing returning id`,
    values: [],
  });
  return begun.length > 0;
}

/**
 * Sets `numeric_id` to the id of the published row, or of the draft row if the character is not published.
 * Row ids are unique, so these ids are unique.
 */
async function keepShownIds(statement: RunStatement): Promise<void> {
  const rowId = (state: string) =>
    `(select max(id) from ai_characters own where own.document_id = ai_characters.document_id and ${state})`;
  await statement({
    sql: `update ai_characters set numeric_id = coalesce(
        ${rowId('own.published_at is not null')}, ${rowId('own.published_at is null')}
      ) where numeric_id is null`,
    values: [],
  });
}

interface Missing {
  readonly document_id: string;
  /** The `numeric_id` that another row of the character has. */
  readonly known: number | null;
}

function selectMissing(statement: RunStatement): Promise<readonly Missing[]> {
  return statement<Missing>({
    sql: `select document_id, max(numeric_id) as known from ai_characters
      where document_id in (select document_id from ai_characters where numeric_id is null)
      group by document_id order by min(id)`,
    values: [],
  });
}

/** Takes the next id, which is also above imported ids. The update locks the row, so other processes wait. */
async function takeNext(statement: RunStatement): Promise<number> {
  const inUse = '(select coalesce(max(numeric_id), 0) from ai_characters)';
  const [row] = await statement<{ readonly last_id: number }>({
    sql: `update ${tableName} set last_id = case when last_id < ${inUse} then ${inUse} else last_id end + 1
      returning last_id`,
    values: [],
  });
  if (row === undefined) throw new Error(`The table ${tableName} has lost its row.`);
  return row.last_id;
}

/** The values of the main rows that every row of a character shows. */
export interface MainRows {
  /** The id that replies show. */
  readonly id: number;
  /** The names in the default locale, which the prompt contains. */
  readonly draftName: string | null;
  readonly publishedName: string | null;
}

interface MainRow {
  readonly document_id: string;
  readonly numeric_id: number | null;
  readonly name: string | null;
  readonly published_at: unknown;
}

/** Returns the ids and names of characters, by documentId. */
export async function findMainRows(
  db: Database,
  documentIds: readonly string[],
): Promise<ReadonlyMap<string, MainRows>> {
  const read = async () =>
    (await db.connection
      .from({ r: 'ai_characters' })
      .whereIn('r.document_id', [...documentIds])
      .whereRaw(isMainRow('r'))
      .select('r.document_id', 'r.numeric_id', 'r.name', 'r.published_at')) as MainRow[];
  let rows = await read();
  if (rows.some((row) => row.numeric_id === null)) {
    await numberCharacters(db);
    rows = await read();
  }
  const found = new Map<string, MainRows>();
  for (const { document_id: key, numeric_id: id, name, published_at: published } of rows) {
    const { draftName = null, publishedName = null } = found.get(key) ?? {};
    if (id === null) continue;
    found.set(
      key,
      published === null ? { id, draftName: name, publishedName } : { id, draftName, publishedName: name },
    );
  }
  return found;
}

/** Returns the documentId of the character with this id, or null if no character has it. */
export async function findByNumericId(db: Database, id: number): Promise<string | null> {
  const row = (await db.connection('ai_characters').where({ numeric_id: id }).first('document_id')) as
    { document_id: string } | undefined;
  return row?.document_id ?? null;
}
