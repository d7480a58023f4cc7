import type { HistoryStore } from './model/store';

const dayMs = 86_400_000;

/** Enough days to survive a weekend on which no partition can be made. */
const preparedDays = 7;

export interface TidyOptions {
  readonly store: Pick<HistoryStore, 'preparePartitions' | 'prune'>;
  /** 0 keeps all records. */
  readonly retentionDays: number;
  readonly signal: AbortSignal;
}

/** Makes partitions for the coming days, and removes outdated records. @returns how many it removed. */
export async function tidyHistory({ store, retentionDays, signal }: TidyOptions): Promise<number> {
  const now = new Date();
  await store.preparePartitions(now, preparedDays);
  if (retentionDays === 0 || signal.aborted) return 0;
  return store.prune(dayBefore(now, retentionDays), signal);
}

/** Returns the UTC day this many days before `now`. Records created before that day are older than that. */
export function dayBefore(now: Date, days: number): string {
  return new Date(now.getTime() - days * dayMs).toISOString().slice(0, 10);
}
