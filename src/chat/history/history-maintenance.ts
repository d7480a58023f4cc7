import type { HistoryRecord } from './record';
import type { Position, StoredRecord } from './history-store';

/** What an operator does with the history by hand, beside what the application asks of `HistoryStore`. */
export interface HistoryMaintenance {
  /** The tables there are; `bytes` with their indexes, null where the database cannot tell. */
  sizes(): Promise<
    readonly { readonly table: string; readonly rows: number; readonly bytes: number | null }[]
  >;

  /** The days that have a table of their own, oldest first; none where there are no partitions. */
  partitions(): Promise<
    readonly {
      readonly name: string;
      /** In UTC: `2025-01-15`. */
      readonly day: string;
      readonly rows: number;
      readonly bytes: number | null;
    }[]
  >;

  /** Records and errors that were created before this day of UTC, oldest first, from `after` on. */
  readBefore(beforeDay: string, after: Position | null, limit: number): Promise<readonly StoredRecord[]>;

  /** How many `readBefore` has in all. */
  countBefore(beforeDay: string): Promise<{ readonly records: number; readonly errors: number }>;

  /**
   * Saves records that came out of an archive. One that is there already is left out.
   * @returns how many were new.
   */
  restore(records: readonly HistoryRecord[]): Promise<number>;
}
