import type { Database, Statements } from '../database';
import { retry } from '../../../chat/shared/retry';
import { quarterHourMs, type Day, type Days } from '../days';
import {
  bothTables,
  daysAmong,
  daysOf,
  incompleteOf,
  segmentOf,
  whole,
  type DayTables,
  type Layout,
} from './layout';
import { columnsOf } from '../rows';
import { createRecordTable, lockState } from '../schema';

/** How long a drop waits for a lock before it retries. Others wait for the same lock meanwhile. */
const lockTimeoutMs = 1_000;
const dropAttempts = 10;

const byRange = ' partition by range (created_at)';

export function createPostgresLayout(days: Days): Layout {
  return {
    days,
    dropsWhole: true,

    async create(statements, isDaily) {
      for (const { name, table } of bothTables)
        await createRecordTable(statements, name, table, isDaily ? byRange : '');
    },

    sources: async () => [[whole]],

    segments: async () => [whole],

    listTables,

    refresh: async () => undefined,

    // A partition that somebody drops disappears from its table.
    repairNames: async () => undefined,

    createDays: (database, wanted) =>
      database.transaction(async (statements) => {
        await lockState(statements);
        await createMissing(statements, days, wanted);
      }),

    targets: async (_statements, _isDaily, wanted) =>
      new Map(wanted.map((day) => [day, { into: whole, lookIn: [whole] }])),

    async drop(database, gone) {
      for (const day of gone) await dropDay(database, day, async () => true);
    },

    async dropEmpty(database, gone) {
      for (const day of gone) await dropDay(database, day, (statements) => isEmpty(statements, days, day));
    },

    migrate: (database, isDaily) => database.transaction((statements) => migrate(statements, days, isDaily)),
  };
}

async function migrate(statements: Statements, days: Days, isDaily: boolean): Promise<void> {
  // Writers wait here until all rows are copied. Readers wait only for the short exchange of the tables at the end.
  const state = await lockState(statements);
  if (state.isDaily === isDaily) return;
  const own = isDaily ? await daysWithRecords(statements, days) : [];
  for (const { name, table } of bothTables) {
    await createRecordTable(statements, `${name}_new`, table, isDaily ? byRange : '');
    for (const day of own) {
      // The old partitions are dropped with their table. No other process knows the new table yet.
      await statements.run(
        `create table ${segmentOf(day)[table]} partition of ${name}_new for values ${rangeOf(days, day)}`,
      );
    }
    const columns = columnsOf(table).join(', ');
    await statements.run(`insert into ${name}_new (${columns}) select ${columns} from ${name}`);
  }
  for (const { name } of bothTables) await statements.run(`drop table ${name}`);
  for (const { name } of bothTables) await statements.run(`alter table ${name}_new rename to ${name}`);
  await statements.run('update history_state set daily = ? where id = 1', [isDaily ? 1 : 0]);
}

function rangeOf(days: Days, day: Day): string {
  return `from (${days.startOf(day)}) to (${days.endOf(day)})`;
}

/** Returns the days of both tables together: a day has both partitions. */
async function daysWithRecords(statements: Statements, days: Days): Promise<Day[]> {
  const quarters = bothTables.map(
    ({ name }) => `select created_at / ${quarterHourMs} as quarter from ${name}`,
  );
  const rows = await statements.all(quarters.join(' union '));
  return [...new Set(rows.map((row) => days.of(Number(row['quarter']) * quarterHourMs)))].sort();
}

/** Returns the days that have partitions. Null if the tables are not partitioned. */
async function listTables(statements: Statements): Promise<DayTables | null> {
  const rows = await statements.all(
    `select p.relkind as kind, c.relname as name from pg_class p
     left join pg_inherits i on i.inhparent = p.oid left join pg_class c on c.oid = i.inhrelid
     where p.oid in (to_regclass('${whole.records}'), to_regclass('${whole.errors}'))`,
  );
  if (!rows.some((row) => row['kind'] === 'p')) return null;
  const names = rows.map((row) => String(row['name']));
  return { records: daysAmong(names, 'records'), errors: daysAmong(names, 'errors'), isMoving: false };
}

/**
 * Creates tables and attaches them as partitions. Creating them as partitions would lock out all readers. The caller
 * holds the lock of the state, so no other process creates the same ones.
 */
async function createMissing(statements: Statements, days: Days, wanted: readonly Day[]): Promise<void> {
  const tables = await listTables(statements);
  if (tables === null) return;
  for (const day of incompleteOf(tables, wanted)) {
    for (const { name, table } of bothTables) {
      if (tables[table].includes(day)) continue;
      const partition = segmentOf(day)[table];
      await statements.run(`create table ${partition} (like ${name} including all)`);
      await statements.run(
        `alter table ${name} attach partition ${partition} for values ${rangeOf(days, day)}`,
      );
    }
  }
}

async function isEmpty(statements: Statements, days: Days, day: Day): Promise<boolean> {
  if (!daysOf(await listTables(statements)).includes(day)) return false;
  // Read by the two names: an older version may have created only one of the two partitions of a day.
  const has = bothTables.map(
    ({ name }) =>
      `exists (select 1 from ${name} where created_at >= ${days.startOf(day)} and created_at < ${days.endOf(day)})`,
  );
  const [row] = await statements.all(`select ${has.join(' or ')} as has_rows`);
  return row?.['has_rows'] === false;
}

/** @param isWanted runs with the state locked, so that nobody writes to the day until it is dropped. */
async function dropDay(
  database: Database,
  day: Day,
  isWanted: (statements: Statements) => Promise<boolean>,
): Promise<void> {
  const { records, errors } = segmentOf(day);
  const drop = async (statements: Statements) => {
    await lockState(statements);
    await statements.run(`set local lock_timeout = ${lockTimeoutMs}`);
    if (!(await isWanted(statements))) return;
    await statements.run(`drop table if exists ${records}, ${errors}`);
  };
  await retry(() => database.transaction(drop), { tries: dropAttempts, isRetryable: isLocked });
}

function isLocked(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === '55P03';
}
