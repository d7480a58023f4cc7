import type { Binding, Database } from '../database';
import type { Day } from '../days';
import { daysOf, type Layout } from '../layout/layout';
import { facets } from './daily-sums';
import { removeAll } from './remove';
import { repairConversations } from './repair';
import { numberOf } from '../rows';
import { lockState } from '../schema';

const sumsPerBit = 500;

/** See `HistoryStore.prune`. */
export async function prune(
  database: Database,
  layout: Layout,
  beforeDay: Day,
  signal: AbortSignal,
): Promise<number> {
  const before = layout.days.startOf(beforeDay);
  const days = daysOf(await layout.listTables(database)).filter((day) => day < beforeDay);
  let removed = 0;
  if (layout.dropsWhole && days.length > 0) removed += await dropWhole(database, layout, days, signal);
  removed += await removeAll(
    { database, layout },
    { first: '', last: layout.days.of(before - 1) },
    { where: 'created_at < ?', bindings: [before], order: ['created_at', 'record_id'] },
    signal,
  );
  if (!layout.dropsWhole && !signal.aborted) await layout.drop(database, days);
  await removeSums(database, { table: 'history_buckets', where: 'start_ms < ?', bindings: [before] }, signal);
  for (const facet of facets) {
    const outdated = { table: 'history_days', where: 'facet = ? and day < ?', bindings: [facet, beforeDay] };
    await removeSums(database, outdated, signal);
  }
  await repairConversations(database, layout, { before, userDocumentId: null, conversationId: null }, signal);
  return removed;
}

/** Drops whole days. The count of removed records comes from the sums, because nobody has counted the rows. */
async function dropWhole(
  database: Database,
  layout: Layout,
  days: readonly Day[],
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const day of days) {
    if (signal.aborted) break;
    removed += await countOf(database, layout, day);
    await layout.drop(database, [day]);
  }
  return removed;
}

/** Counts the records of both tables, errors included. */
export async function countOf(database: Database, layout: Layout, day: Day): Promise<number> {
  const [row] = await database.all(
    `select coalesce(sum(records), 0) as records from history_buckets
     where user_document_id = '' and start_ms >= ? and start_ms < ?`,
    [layout.days.startOf(day), layout.days.endOf(day)],
  );
  return numberOf(row?.['records']);
}

interface OutdatedSums {
  readonly table: string;
  readonly where: string;
  readonly bindings: readonly Binding[];
}

/**
 * Removes sums. A day begins with a new bucket, so no bucket is on both sides. Dropped days still have all their sums;
 * otherwise few are left.
 */
async function removeSums(
  database: Database,
  { table, where, bindings }: OutdatedSums,
  signal: AbortSignal,
): Promise<void> {
  const some = `where ${where} limit ${sumsPerBit}`;
  const sql = {
    sqlite: `delete from ${table} where rowid in (select rowid from ${table} ${some})`,
    postgres: `delete from ${table} where ctid in (select ctid from ${table} ${some})`,
    mysql: `delete from ${table} ${some}`,
  }[database.kind];
  while (!signal.aborted) {
    const removed = await database.transaction(async (statements) => {
      await lockState(statements);
      return statements.run(sql, bindings);
    });
    if (removed < sumsPerBit) return;
    await database.rest();
  }
}
