import type { Database, Statements } from '../database';
import { suffixOf, type Day } from '../days';
import { errorsTable, recordsTable } from '../rows';

/** A pair of tables for writing records: for all days, or for one day. */
export interface Segment {
  /** Null if the tables hold records of any day. */
  readonly day: Day | null;
  readonly records: string;
  readonly errors: string;
}

/** Where to insert records of a day, and where the same records may exist already. */
export interface Target {
  readonly into: Segment;
  readonly lookIn: readonly Segment[];
}

/** How the records are divided among tables. Readers of the two table names never notice it. */
export interface Layout {
  /** Creates the tables of a new store. */
  create(statements: Statements, isDaily: boolean): Promise<void>;

  /**
   * Returns what to read for records of these days, oldest first. A query reads the segments of one group together. If
   * only one name exists for all days, it returns that.
   */
  sources(statements: Statements, first: Day, last: Day): Promise<readonly (readonly Segment[])[]>;

  /** Returns the segments from which to remove records, oldest first. */
  segments(statements: Statements): Promise<readonly Segment[]>;

  /** Makes the two names show a column that all tables already have. */
  refresh(statements: Statements): Promise<void>;

  /** Creates what these days need outside of a transaction. */
  prepare(database: Database, days: readonly Day[]): Promise<void>;

  /** Creates what these days need. The caller holds the lock of the state. */
  targets(statements: Statements, isDaily: boolean, days: readonly Day[]): Promise<ReadonlyMap<Day, Target>>;

  /** Returns the days, oldest first; none if days have no tables or partitions of their own. */
  listDays(statements: Statements): Promise<readonly Day[]>;

  /** Whether a day is dropped together with its records. Otherwise it is dropped when it is empty. */
  readonly dropsWhole: boolean;

  /** Drops days. Skips days that do not exist. If days must be empty, it skips those with records. */
  drop(database: Database, days: readonly Day[]): Promise<void>;

  /** Drops those of these days that are empty at that moment, even while others write. */
  dropEmpty(database: Database, days: readonly Day[]): Promise<void>;

  /** Makes the tables daily, or not. It can be interrupted and repeated. Meanwhile, readers see every record once. */
  migrate(database: Database, isDaily: boolean, signal: AbortSignal): Promise<void>;
}

export const whole: Segment = { day: null, records: recordsTable, errors: errorsTable };

export function segmentOf(day: Day): Segment {
  const suffix = suffixOf(day);
  return { day, records: `${recordsTable}_${suffix}`, errors: `${errorsTable}_${suffix}` };
}

export const bothTables = [
  { name: recordsTable, table: 'records' },
  { name: errorsTable, table: 'errors' },
] as const;

/** Sends all days to one segment. */
export function allTo(segment: Segment, days: readonly Day[]): ReadonlyMap<Day, Target> {
  return new Map(days.map((day) => [day, { into: segment, lookIn: [segment] }]));
}
