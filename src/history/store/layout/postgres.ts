import { marks, type Database, type Statements } from '../database';
import { retry } from '../../../chat/shared/retry';
import { dayIn, dayMs, dayOf, endOf, startOf, type Day } from '../days';
import { allTo, bothTables, segmentOf, whole, type Layout } from './layout';
import { columnsOf } from '../rows';
import { createRecordTable, lockState } from '../schema';

/** How long a drop waits for a lock before it retries. Others wait for the same lock meanwhile. */
const lockTimeoutMs = 1_000;
const dropAttempts = 10;

const byRange = ' partition by range (created_at)';

export const postgresLayout: Layout = {
  dropsWhole: true,

  async create(statements, isDaily) {
    for (const { name, table } of bothTables)
      await createRecordTable(statements, name, table, isDaily ? byRange : '');
  },

  sources: async () => [[whole]],

  segments: async () => [whole],

  refresh: async () => undefined,

  prepare: async () => undefined,

  async targets(statements, isDaily, days) {
    if (isDaily) await createMissing(statements, days);
    return allTo(whole, days);
  },

  listDays,

  async drop(database, days) {
    for (const day of days) await dropDay(database, day, async () => true);
  },

  async dropEmpty(database, days) {
    for (const day of days) await dropDay(database, day, (statements) => isEmpty(statements, day));
  },

  async migrate(database, isDaily) {
    await database.transaction(async (statements) => {
      // Writers wait here until all rows are copied. Readers wait only for the short exchange of the tables at the
      // end.
      const state = await lockState(statements);
      if (state.isDaily === isDaily) return;
      const days = isDaily ? await daysOf(statements) : [];
      for (const { name, table } of bothTables) {
        await createRecordTable(statements, `${name}_new`, table, isDaily ? byRange : '');
        for (const day of days) {
          // The old partitions are dropped with their table. No other process knows the new table yet.
          await statements.run(
            `create table ${segmentOf(day)[table]} partition of ${name}_new for values ${range(day)}`,
          );
        }
        const columns = columnsOf(table).join(', ');
        await statements.run(`insert into ${name}_new (${columns}) select ${columns} from ${name}`);
      }
      for (const { name } of bothTables) await statements.run(`drop table ${name}`);
      for (const { name } of bothTables) await statements.run(`alter table ${name}_new rename to ${name}`);
      await statements.run('update history_state set daily = ? where id = 1', [isDaily ? 1 : 0]);
    });
  },
};

function range(day: Day): string {
  return `from (${startOf(day)}) to (${endOf(day)})`;
}

/** Returns the days of both tables together: a day has both partitions. */
async function daysOf(statements: Statements): Promise<Day[]> {
  const days = bothTables.map(({ name }) => `select floor(created_at / ${dayMs}.0) as day from ${name}`);
  const rows = await statements.all(days.join(' union '));
  return rows.map((row) => dayOf(Number(row['day']) * dayMs)).sort();
}

async function listDays(statements: Statements): Promise<readonly Day[]> {
  const rows = await statements.all(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent in (to_regclass('${whole.records}'), to_regclass('${whole.errors}'))`,
  );
  return [...new Set(rows.flatMap((row) => dayIn(String(row['name'])) ?? []))].sort();
}

/**
 * Creates tables and attaches them as partitions. Creating them as partitions would lock out all readers. The caller
 * holds the lock of the state, so no other process creates the same ones.
 */
async function createMissing(statements: Statements, days: readonly Day[]): Promise<void> {
  const names = days.flatMap((day) => [segmentOf(day).records, segmentOf(day).errors]);
  if (names.length === 0) return;
  const rows = await statements.all(
    `select relname as name from pg_class
     where relispartition and relnamespace = current_schema()::regnamespace and relname in (${marks(names.length)})`,
    names,
  );
  const existing = new Set(rows.map((row) => row['name']));
  for (const day of days) {
    for (const { name, table } of bothTables) {
      const partition = segmentOf(day)[table];
      if (existing.has(partition)) continue;
      await statements.run(`create table ${partition} (like ${name} including all)`);
      await statements.run(`alter table ${name} attach partition ${partition} for values ${range(day)}`);
    }
  }
}

async function isEmpty(statements: Statements, day: Day): Promise<boolean> {
  if (!(await listDays(statements)).includes(day)) return false;
  // Read by the two names: an older version may have created only one of the two partitions of a day.
  const has = bothTables.map(
    ({ name }) =>
      `exists (select 1 from ${name} where created_at >= ${startOf(day)} and created_at < ${endOf(day)})`,
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
