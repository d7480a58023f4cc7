import type { HistoryMaintenance, HistoryStore, Position, StoredRecord } from '../../src/history';
import { HistoryCommandError } from './screen';

/** Small enough that the texts of a page fit into memory. */
const pageSize = 200;

/** The store, with the days of its time zone. */
type Store = Pick<HistoryMaintenance, 'readBefore'> & Pick<HistoryStore, 'dayOf'>;

export interface Walk {
  readonly store: Store;
  readonly beforeDay: string;
  readonly signal: AbortSignal;
}

/** Yields all records before a day, oldest first. */
export async function* walkRecords({ store, beforeDay, signal }: Walk): AsyncGenerator<StoredRecord, void> {
  let position: Position | null = null;
  for (;;) {
    assertRunning(signal);
    const page: readonly StoredRecord[] = await store.readBefore(beforeDay, position, pageSize);
    yield* page;
    if (page.length < pageSize) return;
    position = page.at(-1)?.position ?? position;
  }
}

export function assertRunning(signal: AbortSignal): void {
  if (signal.aborted) throw new HistoryCommandError('Interrupted. Run the command again to continue.', 130);
}

export interface DayCount {
  readonly day: string;
  readonly records: number;
  readonly errors: number;
}

/** Counts the records of each day. Reads all of them. */
export async function* countDays(walk: Walk): AsyncGenerator<DayCount, void> {
  let count: { day: string; records: number; errors: number } | undefined;
  for await (const { createdAt, error } of walkRecords(walk)) {
    const day = await walk.store.dayOf(createdAt);
    if (count !== undefined && count.day !== day) yield count;
    if (count?.day !== day) count = { day, records: 0, errors: 0 };
    count.records += 1;
    if (error !== null) count.errors += 1;
  }
  if (count !== undefined) yield count;
}

export function dayAfter(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}
