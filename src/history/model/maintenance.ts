import type { Position, StoredRecord } from './store';
import type { HistoryRecord } from './record';

/** How much there is of a table. */
export interface TableSize {
  readonly table: string;
  readonly rows: number;
  /** On the disk, indexes included. */
  readonly bytes: number;
}

/** A day of UTC that has tables or partitions of its own. */
export interface DayPartition {
  /** `2025-01-15` */
  readonly day: string;
  /** Of both tables. */
  readonly rows: number;
  readonly bytes: number;
}

/** What operators do with the store, by hand or by the clock. As the store itself, every method may reject. */
export interface HistoryMaintenance {
  /** Both tables with all their partitions, and the sums. Counts every row: this is not for a request. */
  listSizes(): Promise<readonly TableSize[]>;

  /** Oldest first; none where the store is not partitioned. As `listSizes`, it may take long. */
  listPartitions(): Promise<readonly DayPartition[]>;

  /** Records that were created before this day of UTC, errors included, in order by position, oldest first. */
  readBefore(day: string, after: Position | null, limit: number): Promise<readonly StoredRecord[]>;

  /**
   * Removes exactly the records at these positions, with their sums; what else there is of their days stays. Oldest first,
   * so that a conversation of which some are left keeps its end.
   * @returns how many were there.
   */
  remove(positions: readonly Position[]): Promise<number>;

  /**
   * What is to be done after `remove`: drops partitions of before this day of UTC that are empty, and puts the beginnings
   * of conversations right. Until done or `signal` fires; can be done again.
   */
  dropEmptyPartitions(beforeDay: string, signal: AbortSignal): Promise<void>;

  /**
   * Puts back what was taken out, however old it is: the partition it needs is made. What its user has erased stays out.
   * @returns how many were not there.
   */
  restore(records: readonly HistoryRecord[]): Promise<number>;

  /**
   * Waits until the tables are partitioned, or not, as the settings say, or the store is closed. It is tried until it
   * succeeds, and the store can be used meanwhile.
   */
  migrated(): Promise<void>;
}
