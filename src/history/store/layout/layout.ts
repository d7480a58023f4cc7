import { isDeepStrictEqual } from 'node:util';

import type { Database, Statements } from '../database';
import { dayIn, suffixOf, type Day, type Days } from '../days';
import { MissingTable } from '../errors';
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

/** The days that have tables of their own, oldest first. Normally both lists are equal. */
export interface DayTables {
  readonly records: readonly Day[];
  readonly errors: readonly Day[];
  /** Whether further tables hold records of any day, because records are being moved. */
  readonly isMoving: boolean;
}

/** How the records are divided among tables. Readers of the two table names never notice it. */
export interface Layout {
  readonly days: Days;

  /** Creates the tables of a new store. */
  create(statements: Statements, isDaily: boolean): Promise<void>;

  /**
   * Returns what to read for records of these days, oldest first. A query reads the segments of one group together. If
   * only one name exists for all days, it returns that.
   */
  sources(statements: Statements, first: Day, last: Day): Promise<readonly (readonly Segment[])[]>;

  /** Returns the segments from which to remove records, oldest first. */
  segments(statements: Statements): Promise<readonly Segment[]>;

  /** Returns the tables of days. Null if days have no tables. */
  listTables(statements: Statements): Promise<DayTables | null>;

  /** Makes the two names show a column that all tables already have. */
  refresh(statements: Statements): Promise<void>;

  /** Makes the two names readable again after somebody has dropped a table. */
  repairNames(database: Database): Promise<void>;

  /** Creates the tables that these days lack. */
  createDays(database: Database, days: readonly Day[]): Promise<void>;

  /** The caller holds the lock of the state. @throws MissingTable if a day has no table yet. */
  targets(statements: Statements, isDaily: boolean, days: readonly Day[]): Promise<ReadonlyMap<Day, Target>>;

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

/** Returns the days whose table of this kind is among the names. */
export function daysAmong(names: Iterable<string>, table: 'records' | 'errors'): Day[] {
  return [...names]
    .flatMap((name) => {
      const day = dayIn(name);
      return day !== null && segmentOf(day)[table] === name ? day : [];
    })
    .sort();
}

/** Returns the days that have at least one table, oldest first. */
export function daysOf(tables: Pick<DayTables, 'records' | 'errors'> | null): Day[] {
  return tables === null ? [] : [...new Set([...tables.records, ...tables.errors])].sort();
}

/** Returns those of these days that lack a table. */
export function incompleteOf(tables: Pick<DayTables, 'records' | 'errors'>, days: readonly Day[]): Day[] {
  const [records, errors] = [new Set(tables.records), new Set(tables.errors)];
  return days.filter((day) => !records.has(day) || !errors.has(day));
}

/** One existing table of records. */
export interface RecordTable {
  readonly name: string;
  readonly isError: boolean;
}

/** Returns the existing tables that can hold records of these days, oldest first. */
export async function listRecordTables(
  layout: Layout,
  statements: Statements,
  { first, last }: { readonly first: Day; readonly last: Day },
): Promise<RecordTable[]> {
  const [segments, tables] = [await layout.segments(statements), await layout.listTables(statements)];
  const exists = (day: Day | null, table: 'records' | 'errors') =>
    day === null || tables?.[table].includes(day) === true;
  return segments
    .filter(({ day }) => day === null || (day >= first && day <= last))
    .flatMap((segment) => [
      ...(exists(segment.day, 'records') ? [{ name: segment.records, isError: false }] : []),
      ...(exists(segment.day, 'errors') ? [{ name: segment.errors, isError: true }] : []),
    ]);
}

/**
 * Reads the sources of these days. On MySQL, several statements see several states.
 * @throws MissingTable if the sources have changed meanwhile, because somebody divides or joins the tables.
 */
export async function readSources<T>(
  layout: Layout,
  statements: Statements,
  { first, last }: { readonly first: Day; readonly last: Day },
  read: (sources: readonly (readonly Segment[])[]) => Promise<T>,
): Promise<T> {
  const sources = await layout.sources(statements, first, last);
  const result = await read(sources);
  if (statements.kind !== 'mysql') return result;
  if (!isDeepStrictEqual(sources, await layout.sources(statements, first, last))) throw new MissingTable();
  return result;
}
