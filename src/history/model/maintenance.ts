import type { Position, StoredRecord } from './store';
import type { HistoryRecord } from './record';

/** The size of a table. */
export interface TableSize {
  readonly table: string;
  readonly rows: number;
  /** Size on the disk, including indexes. */
  readonly bytes: number;
}

/** A day that has its own tables or partitions. */
export interface DayPartition {
  /** `2025-01-15` */
  readonly day: string;
  /** Rows of both tables. */
  readonly rows: number;
  readonly bytes: number;
}

/** Operations for operators and for scheduled jobs. Every method may reject, like those of the store. */
export interface HistoryMaintenance {
  /**
   * Returns the sizes of both tables with all partitions, and of the sums. Counts every row, so requests must not use
   * it.
   */
  listSizes(): Promise<readonly TableSize[]>;

  /** Returns the days, oldest first; none if the store is not partitioned. Can take as long as `listSizes`. */
  listPartitions(): Promise<readonly DayPartition[]>;

  /** Returns records created before this day, errors included, ordered by position, oldest first. */
  readBefore(day: string, after: Position | null, limit: number): Promise<readonly StoredRecord[]>;

  /**
   * Removes exactly the records at these positions, with their sums. Other records of the same days stay. Callers pass
   * the oldest first, so that a conversation that loses some records keeps its end.
   * @returns how many existed.
   */
  remove(positions: readonly Position[]): Promise<number>;

  /**
   * Finishes the work of `remove`. Drops empty partitions of the days before this day, and corrects the beginnings
   * of conversations. Runs until done or until `signal` fires. Safe to repeat.
   */
  dropEmptyPartitions(beforeDay: string, signal: AbortSignal): Promise<void>;

  /**
   * Puts removed records back, whatever their age, and makes the partitions they need. Records that their user has
   * erased stay out.
   * @returns how many did not exist.
   */
  restore(records: readonly HistoryRecord[]): Promise<number>;

  /**
   * Waits until the tables are partitioned, or not, as the settings require, or until the store is closed. The store
   * retries the change until it succeeds, and stays usable meanwhile.
   */
  migrated(): Promise<void>;
}
