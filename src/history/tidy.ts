import { addDays } from './calendar';
import type { HistoryStore } from './model/store';

/** Enough days to survive a weekend on which no partition can be made. */
const preparedDays = 7;

export interface TidyOptions {
  readonly store: Pick<HistoryStore, 'dayOf' | 'preparePartitions' | 'prune'>;
  /** 0 keeps all records. */
  readonly retentionDays: number;
  readonly signal: AbortSignal;
}

/** Makes partitions for the coming days, and removes outdated records. @returns how many it removed. */
export async function tidyHistory({ store, retentionDays, signal }: TidyOptions): Promise<number> {
  const now = new Date();
  await store.preparePartitions(now, preparedDays);
  if (retentionDays === 0 || signal.aborted) return 0;
  return store.prune(await dayBefore(store, now, retentionDays), signal);
}

/** Returns the day this many days before `now`. Records created before that day are older than that. */
export async function dayBefore(
  store: Pick<HistoryStore, 'dayOf'>,
  now: Date,
  days: number,
): Promise<string> {
  return addDays(await store.dayOf(now), -days);
}
