import type { Database, Statements } from '../database';
import { suffixOf, type Day } from '../days';
import { errorsTable, recordsTable } from '../rows';

/** Two tables that hold records, as they are written to: all of them, or those of one day. */
export interface Segment {
  /** Null where there are records of any day in it. */
  readonly day: Day | null;
  readonly records: string;
  readonly errors: string;
}

/** Where records of a day are put, and where the same ones may be already. */
export interface Target {
  readonly into: Segment;
  readonly lookIn: readonly Segment[];
}

/** How the records are divided among tables. Whoever reads by the two names alone never sees it. */
export interface Layout {
  /** Makes the tables of a new store. */
  create(statements: Statements, isDaily: boolean): Promise<void>;

  /**
   * What to read from, oldest first, for records of these days: the segments of a group are read together. Where there is
   * only one name for all, that.
   */
  sources(statements: Statements, first: Day, last: Day): Promise<readonly (readonly Segment[])[]>;

  /** What to remove from, oldest first. */
  segments(statements: Statements): Promise<readonly Segment[]>;

  /** Makes the two names show a column that all tables have been given. */
  refresh(statements: Statements): Promise<void>;

  /** What must be made for these days outside of a transaction. */
  prepare(database: Database, days: readonly Day[]): Promise<void>;

  /** Makes what these days need. With the state locked. */
  targets(statements: Statements, isDaily: boolean, days: readonly Day[]): Promise<ReadonlyMap<Day, Target>>;

  /** Oldest first; none where there are no tables or partitions of days. */
  listDays(statements: Statements): Promise<readonly Day[]>;

  /** Whether a day goes as a whole, with its records. If not, it is dropped once it is empty. */
  readonly dropsWhole: boolean;

  /** Days that are gone already, or where they must be empty and are not, stay. */
  drop(database: Database, days: readonly Day[]): Promise<void>;

  /** Only those of these days that are empty at the moment they are dropped, whoever writes at the same time. */
  dropEmpty(database: Database, days: readonly Day[]): Promise<void>;

  /** Makes the tables daily, or not. Can be broken off and done again; whoever reads meanwhile sees every record once. */
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

/** All days go to one place. */
export function allTo(segment: Segment, days: readonly Day[]): ReadonlyMap<Day, Target> {
  return new Map(days.map((day) => [day, { into: segment, lookIn: [segment] }]));
}
