import { tuples, type Binding, type Database, type Row, type Statements } from '../database';
import type { Day, Days as CalendarDays } from '../days';
import { isMissingTable } from '../errors';
import { readSources, type Layout, type Segment } from '../layout/layout';
import { nullable, numberOf, textOf, toUsage } from '../rows';
import { lockState } from '../schema';
import { subtract } from './sums';
import type { Summed } from './summed';
import { withinBytes } from '../within-bytes';

/** Limits of one transaction. Others wait for that long; with SQLite, all writers, and readers in this process. */
const rowsPerBit = 250;
const bytesPerBit = 1_000_000;

export interface Removal {
  readonly where: string;
  readonly bindings: readonly Binding[];
  /**
   * The order of an index. Within a conversation it is by time, so that the end of the conversation is removed last.
   */
  readonly order: readonly ('conversation_id' | 'created_at' | 'record_id')[];
}

interface Open {
  readonly database: Database;
  readonly layout: Layout;
}

/** The days of the records to remove, both included. */
interface Days {
  readonly first: Day;
  readonly last: Day;
}

/**
 * Removes records in batches until none is left or `signal` fires. One transaction removes a batch with its sums. It
 * also finds records that another process moves between tables meanwhile.
 * @returns how many.
 */
export async function removeAll(
  open: Open,
  days: Days,
  removal: Removal,
  signal?: AbortSignal,
): Promise<number> {
  const { database, layout } = open;
  let removed = 0;
  do {
    for (const segment of await layout.segments(database)) {
      if (segment.day !== null && (segment.day < days.first || segment.day > days.last)) continue;
      removed += await removeFrom(open, segment, removal, signal);
    }
  } while (signal?.aborted !== true && (await isAnyLeft(open, days, removal)));
  return removed;
}

/** Reads one snapshot, so that no record moves past the check. */
async function isAnyLeft({ database, layout }: Open, days: Days, removal: Removal): Promise<boolean> {
  return database.snapshot((statements) =>
    readSources(layout, statements, days, async (sources) => {
      for (const source of sources) if (await hasAny(statements, source, removal)) return true;
      return false;
    }),
  );
}

async function hasAny(
  statements: Statements,
  source: readonly Segment[],
  { where, bindings }: Removal,
): Promise<boolean> {
  const tables = source.flatMap(({ records, errors }) => [records, errors]);
  const looks = tables.map(
    (table) => `select * from (select 1 as found from ${table} where ${where} limit 1) ${table}_found`,
  );
  const rows = await statements.all(
    looks.join(' union all '),
    tables.flatMap(() => bindings),
  );
  return rows.length > 0;
}

async function removeFrom(
  { database, layout }: Open,
  segment: Segment,
  removal: Removal,
  signal: AbortSignal | undefined,
): Promise<number> {
  let removed = 0;
  while (signal?.aborted !== true) {
    const bit = await database
      .transaction(async (statements) => {
        await lockState(statements);
        return removeBit(statements, layout.days, segment, removal);
      })
      .catch(nothingIfMissing);
    removed += bit.removed;
    if (!bit.isMore) break;
    await database.rest();
  }
  return removed;
}

interface Bit {
  readonly removed: number;
  readonly isMore: boolean;
}

/** Another process may have dropped or renamed the tables meanwhile. The check for records that are left finds those. */
function nothingIfMissing(error: unknown): Bit {
  if (!isMissingTable(error)) throw error;
  return { removed: 0, isMore: false };
}

async function removeBit(
  statements: Statements,
  days: CalendarDays,
  segment: Segment,
  removal: Removal,
): Promise<Bit> {
  const records = await select(statements, segment.records, removal);
  const errors = await select(statements, segment.errors, removal);
  const oldest = [...records, ...errors]
    .sort((one, other) => compare(one.record, other.record, removal.order))
    .slice(0, rowsPerBit);
  const bit = withinBytes(
    oldest.map(({ record, bytes }) => ({ item: record, bytes })),
    bytesPerBit,
  );
  await deleteRows(
    statements,
    segment.records,
    bit.filter(({ isError }) => !isError),
  );
  await deleteRows(
    statements,
    segment.errors,
    bit.filter(({ isError }) => isError),
  );
  await subtract(statements, days, bit);
  return {
    removed: bit.length,
    isMore: bit.length < records.length + errors.length || bit.length === rowsPerBit,
  };
}

interface Sized {
  readonly record: Summed;
  readonly bytes: number;
}

/** The columns that the sums need. They contain no texts. */
const summedColumns = `record_id, conversation_id, user_document_id, user_id, character_id, model, currency, created_at,
       prompt_tokens, completion_tokens, total_tokens, price_nanos, first_token_ms`;

async function select(statements: Statements, table: string, removal: Removal): Promise<Sized[]> {
  const isError = isErrorTable(table);
  const rows = await statements.all(
    `select ${summedColumns}, ${sizeOf(statements, table)} as bytes
     from ${table} where ${removal.where} order by ${removal.order.join(', ')} limit ${rowsPerBit}`,
    removal.bindings,
  );
  return rows.map((row) => ({ record: toSummed(row, isError), bytes: numberOf(row['bytes']) }));
}

/** A record, with the table that contains it. */
export interface Found extends Summed {
  readonly table: string;
  readonly formerUserId: number | null;
}

export async function selectSummed(
  statements: Statements,
  table: string,
  where: string,
  bindings: readonly Binding[],
): Promise<Found[]> {
  const rows = await statements.all(`select ${summedColumns} from ${table} where ${where}`, bindings);
  return rows.map((row) => ({
    ...toSummed(row, isErrorTable(table)),
    table,
    formerUserId: numberOf(row['user_id']) || null,
  }));
}

function isErrorTable(table: string): boolean {
  return table.startsWith('error_');
}

/**
 * Returns SQL for the size of a row. SQLite reads lengths without texts, but must walk all pages of what it deletes.
 */
export function sizeOf(statements: Statements, table: string): string {
  if (statements.kind !== 'sqlite') return '0';
  const common = 'octet_length(messages) + coalesce(octet_length(response), 0)';
  return isErrorTable(table) ? `${common} + octet_length(partial_text)` : common;
}

function toSummed(row: Row, isError: boolean): Summed {
  const { character_id: characterId, user_document_id: userDocumentId } = row;
  return {
    recordId: textOf(row['record_id']),
    conversationId: textOf(row['conversation_id']),
    userDocumentId: typeof userDocumentId === 'string' && userDocumentId !== '' ? userDocumentId : null,
    characterId: typeof characterId === 'string' ? characterId : null,
    model: textOf(row['model']),
    usage: toUsage(row),
    firstTokenMs: nullable(row['first_token_ms'], numberOf),
    isError,
    timeMs: numberOf(row['created_at']),
  };
}

function compare(one: Summed, other: Summed, order: Removal['order']): number {
  for (const column of order) {
    const difference =
      column === 'created_at'
        ? one.timeMs - other.timeMs
        : column === 'record_id'
          ? compareBytes(one.recordId, other.recordId)
          : compareBytes(one.conversationId, other.conversationId);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareBytes(one: string, other: string): number {
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other));
}

export async function deleteRows(
  statements: Statements,
  table: string,
  records: readonly Summed[],
): Promise<void> {
  if (records.length === 0) return;
  const times = records.map(({ timeMs }) => timeMs);
  await statements.run(
    `delete from ${table} where (record_id, created_at) in (${tuples(statements.kind, records.length, 2)})
     and created_at between ? and ?`,
    [
      ...records.flatMap(({ recordId, timeMs }) => [recordId, timeMs]),
      Math.min(...times),
      Math.max(...times),
    ],
  );
}
