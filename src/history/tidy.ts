import type { HistoryStore } from './model/store';

const dayMs = 86_400_000;

/** So that nothing must be made in a hurry, even after a weekend on which nobody could. */
const preparedDays = 7;

export interface TidyOptions {
  readonly store: Pick<HistoryStore, 'preparePartitions' | 'prune'>;
  /** 0 means for ever. */
  readonly retentionDays: number;
  readonly signal: AbortSignal;
}

/** Makes room for the days to come, and removes what is too old. @returns how many records were. */
export async function tidyHistory({ store, retentionDays, signal }: TidyOptions): Promise<number> {
  const now = new Date();
  await store.preparePartitions(now, preparedDays);
  if (retentionDays === 0 || signal.aborted) return 0;
  return store.prune(dayBefore(now, retentionDays), signal);
}

/** The day of UTC that lies so many days before this time. What was created before it is older than that. */
export function dayBefore(now: Date, days: number): string {
  return new Date(now.getTime() - days * dayMs).toISOString().slice(0, 10);
}
