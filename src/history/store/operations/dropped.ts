import { settledWithin } from '../../../chat/shared/settled-within';
import type { Database, Statements } from '../database';
import type { Day, Days } from '../days';
import { daysOf, incompleteOf, listRecordTables, type Layout } from '../layout/layout';
import { numberOf } from '../rows';
import { lockState, readDaily } from '../schema';
import { repairConversations } from './repair';
import { recountDay } from './daily-sums';
import { recountBuckets } from './sums';

interface Open {
  readonly database: Database;
  readonly layout: Layout;
}

/** A process notices dropped tables at the first use after this time. */
const checkEveryMs = 30_000;
/** How long a use of the store waits for the check. Counting many conversations again can take longer. */
const checkWithinMs = 2_000;

/** Looks for tables that somebody has dropped. Uses at the same time share one check. */
export interface DroppedCheck {
  /** Checks if the last check was too long ago. Waits a short time for the result. */
  inTime(): Promise<void>;
  /** Checks, and waits for the result. */
  now(): Promise<void>;
}

export function createDroppedCheck(open: Open): DroppedCheck {
  let checkedAt = -Infinity;
  let running: Promise<void> | undefined;
  const now = () => {
    running ??= forgetDropped(open)
      .then(() => void (checkedAt = Date.now()))
      .finally(() => (running = undefined));
    return running;
  };
  return {
    now,
    inTime: async () => {
      if (Date.now() - checkedAt >= checkEveryMs) await settledWithin(checkWithinMs, now());
    },
  };
}

/** Creates the tables that these days lack, if days have tables. */
export async function prepareDays(open: Open, days: readonly Day[]): Promise<void> {
  const { database, layout } = open;
  const tables = await layout.listTables(database);
  if (tables === null || !(await readDaily(database))) return;
  const missing = incompleteOf(tables, days);
  if (missing.length === 0) return;
  // A new table would hide that somebody has dropped the former one.
  for (const day of await findDropped(database, layout)) if (missing.includes(day)) await forget(open, day);
  await layout.createDays(database, missing);
}

/** Removes what the sums contain of tables that somebody has dropped. Safe to repeat and to run in several processes. */
async function forgetDropped(open: Open): Promise<void> {
  const { database, layout } = open;
  await layout.repairNames(database);
  for (const day of await findDropped(database, layout)) await forget(open, day);
}

/** Returns the days that lack a table although the sums contain records of it, and those with only one table. */
async function findDropped(statements: Statements, layout: Layout): Promise<readonly Day[]> {
  const tables = await layout.listTables(statements);
  if (tables === null) return [];
  const dropped = incompleteOf(tables, daysOf(tables));
  // While records move, other tables can hold records of a day.
  if (!tables.isMoving) {
    dropped.push(...(await findSummed(statements, layout.days, tables.records, 'records > errors')));
    dropped.push(...(await findSummed(statements, layout.days, tables.errors, 'errors > 0')));
  }
  return [...new Set(dropped)].sort();
}

/** Returns the days with such sums, except the existing days. */
async function findSummed(
  statements: Statements,
  days: Days,
  existing: readonly Day[],
  condition: string,
): Promise<Day[]> {
  const found: Day[] = [];
  for (const gap of gapsBetween(days, existing)) {
    const rows = await statements.all(
      `select distinct start_ms from history_buckets
       where user_document_id = '' and start_ms >= ? and start_ms < ? and ${condition}`,
      gap,
    );
    found.push(...rows.map((row) => days.of(numberOf(row['start_ms']))));
  }
  return found;
}

/** Returns the ranges of time outside of these days. The days are in order. */
function gapsBetween(days: Days, existing: readonly Day[]): (readonly [start: number, end: number])[] {
  const starts = [Number.MIN_SAFE_INTEGER, ...existing.map(days.endOf)];
  const ends = [...existing.map(days.startOf), Number.MAX_SAFE_INTEGER];
  return starts.flatMap((start, index) => {
    const end = ends[index] ?? start;
    return start < end ? [[start, end] as const] : [];
  });
}

/**
 * Counts the records of a day again. The buckets come last, because they show what is left to do after an interruption.
 */
async function forget(open: Open, day: Day): Promise<void> {
  const { database, layout } = open;
  const [start, end] = [layout.days.startOf(day), layout.days.endOf(day)];
  await repairConversations(database, layout, {
    before: end,
    since: start,
    userDocumentId: null,
    conversationId: null,
  });
  await database.transaction(async (statements) => {
    await lockState(statements);
    const tables = await listRecordTables(layout, statements, { first: day, last: day });
    await recountDay(statements, layout.days, tables, day);
    await recountBuckets(statements, tables, [start, end]);
  });
  await completeDay(open, day);
}

/** Creates the table that a day lacks beside its other one. If both are empty, it drops them. */
async function completeDay({ database, layout }: Open, day: Day): Promise<void> {
  const tables = await layout.listTables(database);
  if (!daysOf(tables).includes(day)) return;
  await layout.createDays(database, [day]);
  await layout.dropEmpty(database, [day]);
}
