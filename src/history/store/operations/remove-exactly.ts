import type { Position } from '../../model/store';
import { chunks, tuples, type Database } from '../database';
import type { Day } from '../days';
import { daysOf, type Layout } from '../layout/layout';
import { removeAll } from './remove';
import { repairConversations } from './repair';

/** Keys in one statement. */
const perStatement = 200;

interface Open {
  readonly database: Database;
  readonly layout: Layout;
}

/** See `HistoryMaintenance.remove`. */
export async function removeExactly(open: Open, positions: readonly Position[]): Promise<number> {
  let removed = 0;
  for (const some of chunks(positions, perStatement)) {
    const times = some.map(({ timeMs }) => timeMs);
    const [first, last] = [Math.min(...times), Math.max(...times)];
    const keys = tuples(open.database.kind, some.length, 2);
    const days = { first: open.layout.days.of(first), last: open.layout.days.of(last) };
    removed += await removeAll(open, days, {
      // The times let databases skip partitions.
      where: `(record_id, created_at) in (${keys}) and created_at between ? and ?`,
      bindings: [...some.flatMap(({ id, timeMs }) => [id, timeMs]), first, last],
      order: ['created_at', 'record_id'],
    });
  }
  return removed;
}

/** See `HistoryMaintenance.dropEmptyPartitions`. */
export async function dropEmptyPartitions(
  { database, layout }: Open,
  beforeDay: Day,
  signal: AbortSignal,
): Promise<void> {
  const days = daysOf(await layout.listTables(database)).filter((day) => day < beforeDay);
  if (days.length > 0) await layout.dropEmpty(database, days);
  await repairConversations(
    database,
    layout,
    { before: layout.days.startOf(beforeDay), userDocumentId: null, conversationId: null },
    signal,
  );
}
