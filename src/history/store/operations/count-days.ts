import type { Database, Statements } from '../database';
import { listRecordTables, type Layout } from '../layout/layout';
import { numberOf } from '../rows';
import { lockState } from '../schema';
import { recountDay } from './daily-sums';

/**
 * Counts the records of all days that have no daily sums yet, newest first, until done or until `signal` fires. One
 * transaction counts one day. Several processes can do this at the same time.
 */
export async function countDays(database: Database, layout: Layout, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await database.transaction((statements) => countNext(statements, layout))))
    await database.rest();
}

/** @returns whether more days may remain. */
async function countNext(statements: Statements, layout: Layout): Promise<boolean> {
  await lockState(statements);
  const [state] = await statements.all('select uncounted_before from history_state where id = 1');
  const before = numberOf(state?.['uncounted_before']);
  if (before === 0) return false;
  const [newest] = await statements.all(
    `select max(start_ms) as start_ms from history_buckets where user_document_id = '' and start_ms < ?`,
    [before],
  );
  const startMs = newest?.['start_ms'] ?? null;
  if (startMs === null) {
    await statements.run('update history_state set uncounted_before = 0 where id = 1');
    return false;
  }
  const day = layout.days.of(numberOf(startMs));
  const tables = await listRecordTables(layout, statements, { first: day, last: day });
  await recountDay(statements, layout.days, tables, day);
  await statements.run('update history_state set uncounted_before = ? where id = 1', [
    layout.days.startOf(day),
  ]);
  return true;
}
