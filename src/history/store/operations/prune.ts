import type { Database } from '../database';
import type { Day } from '../days';
import { daysOf, type Layout } from '../layout/layout';
import { removeAll } from './remove';
import { repairConversations } from './repair';
import { numberOf } from '../rows';
import { lockState } from '../schema';

const bucketsPerBit = 500;

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
  await removeBuckets(database, before, signal);
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

/**
 * Removes buckets. A day begins with a new bucket, so no bucket is on both sides. Dropped days still have all buckets;
 * otherwise few are left.
 */
async function removeBuckets(database: Database, before: number, signal: AbortSignal): Promise<void> {
  const some = `where start_ms < ? limit ${bucketsPerBit}`;
  const sql = {
    sqlite: `delete from history_buckets where rowid in (select rowid from history_buckets ${some})`,
    postgres: `delete from history_buckets where ctid in (select ctid from history_buckets ${some})`,
    mysql: `delete from history_buckets ${some}`,
  }[database.kind];
  while (!signal.aborted) {
    const removed = await database.transaction(async (statements) => {
      await lockState(statements);
      return statements.run(sql, [before]);
    });
    if (removed < bucketsPerBit) return;
    await database.rest();
  }
}
