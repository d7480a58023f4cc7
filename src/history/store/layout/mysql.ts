import type { Row, Statements } from '../database';
import { retry } from '../../../chat/shared/retry';
import { dayIn, dayMs, dayOf, endOf, type Day } from '../days';
import { allTo, bothTables, segmentOf, whole, type Layout } from './layout';
import { alone, createRecordTable } from '../schema';

const divideAttempts = 5;

export const mysqlLayout: Layout = {
  dropsWhole: true,

  async create(statements, isDaily) {
    for (const { name, table } of bothTables) {
      const clause = isDaily ? byRange([dayOf(Date.now())], table) : '';
      await createRecordTable(statements, name, table, clause);
    }
  },

  sources: async () => [[whole]],

  segments: async () => [whole],

  refresh: async () => undefined,

  async prepare(database, days) {
    const wanted = [...days].sort();
    for (const { name, table } of bothTables) {
      if (missingDays(await partitionsOf(database, name), wanted).length === 0) continue;
      await alone(database, (statements) => addPartitions(statements, name, table, wanted));
    }
  },

  targets: async (_statements, _isDaily, days) => allTo(whole, days),

  async listDays(statements) {
    const partitions = await Promise.all(bothTables.map(({ name }) => partitionsOf(statements, name)));
    return [...new Set(partitions.flat().map(({ day }) => day))].sort();
  },

  async drop(database, days) {
    await alone(database, async (statements) => {
      for (const one of bothTables) {
        const partitions = await partitionsOf(statements, one.name);
        const gone = partitions.filter(({ day }) => days.includes(day));
        await dropPartitions(statements, one, gone);
      }
    });
  },

  async dropEmpty(database, days) {
    await alone(database, async (statements) => {
      // Changing a table ends the transaction and its row locks, so only a table lock keeps others from writing.
      await statements.run(`lock tables ${bothTables.map(({ name }) => `${name} write`).join(', ')}`);
      try {
        for (const one of bothTables)
          await dropPartitions(statements, one, await emptyOf(statements, one.name, days));
      } finally {
        await statements.run('unlock tables');
      }
    });
  },

  async migrate(database, isDaily) {
    await alone(database, async (statements) => {
      for (const { name, table } of bothTables) await repartition(statements, name, table, isDaily);
      await statements.run('update history_state set daily = ? where id = 1', [isDaily ? 1 : 0]);
    });
  },
};

/** Changes the partitioning. Readers continue while the server copies the table; writers wait. */
async function repartition(
  statements: Statements,
  name: string,
  table: 'records' | 'errors',
  isDaily: boolean,
): Promise<void> {
  const isPartitioned = (await partitionsOf(statements, name)).length > 0;
  if (isPartitioned === isDaily) return;
  if (!isDaily) return void (await statements.run(`alter table ${name} remove partitioning`));
  // While this waits for the table, another process may save a record of a new day. Then read the list again.
  const divide = async () => {
    const rows = await statements.all(`select distinct floor(created_at / ${dayMs}) as day from ${name}`);
    const days = new Set(rows.map((row) => dayOf(Number(row['day']) * dayMs))).add(dayOf(Date.now()));
    await statements.run(`alter table ${name}${byRange([...days].sort(), table)}`);
  };
  await retry(divide, { tries: divideAttempts, isRetryable: isWithoutPartition });
}

/** Returns true if the partition for a record's day does not exist, or was just dropped. */
export function isWithoutPartition(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ER_NO_PARTITION_FOR_GIVEN_VALUE';
}

function byRange(days: readonly Day[], table: 'records' | 'errors'): string {
  return ` partition by range (created_at) (${days.map((day) => partition(day, table)).join(', ')})`;
}

function partition(day: Day, table: 'records' | 'errors'): string {
  return `partition ${segmentOf(day)[table]} values less than (${endOf(day)})`;
}

interface Partition {
  readonly name: string;
  readonly day: Day;
  /** Upper bound, excluded. The next partition begins here. */
  readonly end: number;
}

async function partitionsOf(statements: Statements, table: string): Promise<readonly Partition[]> {
  const rows = await statements.all(
    `select partition_name as name, partition_description as end from information_schema.partitions
     where table_schema = database() and table_name = ? and partition_name is not null
     order by partition_ordinal_position`,
    [table],
  );
  return rows.flatMap(toPartition);
}

function toPartition(row: Row): Partition[] {
  const name = String(row['name']);
  const day = dayIn(name);
  return day === null ? [] : [{ name, day, end: Number(row['end']) }];
}

function missingDays(partitions: readonly Partition[], days: readonly Day[]): Day[] {
  if (partitions.length === 0) return [];
  const existing = new Set(partitions.map(({ day }) => day));
  return days.filter((day) => !existing.has(day));
}

async function emptyOf(statements: Statements, name: string, days: readonly Day[]): Promise<Partition[]> {
  const empty: Partition[] = [];
  for (const one of await partitionsOf(statements, name)) {
    if (!days.includes(one.day)) continue;
    const rows = await statements.all(`select 1 from ${name} partition (${one.name}) limit 1`);
    if (rows.length === 0) empty.push(one);
  }
  return empty;
}

async function dropPartitions(
  statements: Statements,
  { name, table }: (typeof bothTables)[number],
  gone: readonly Partition[],
): Promise<void> {
  if (gone.length === 0) return;
  // A partitioned table must keep at least one partition.
  if (gone.length === (await partitionsOf(statements, name)).length)
    await addPartitions(statements, name, table, [
      dayOf(Math.max(Date.now(), ...gone.map((one) => one.end))),
    ]);
  await statements.run(`alter table ${name} drop partition ${gone.map((one) => one.name).join(', ')}`);
}

/**
 * Adds partitions. They follow each other without a gap, so a past day is split off from the next existing partition.
 */
async function addPartitions(
  statements: Statements,
  name: string,
  table: 'records' | 'errors',
  days: readonly Day[],
): Promise<void> {
  const existing = await partitionsOf(statements, name);
  const missing = missingDays(existing, days);
  for (const next of [...existing, undefined]) {
    const own = missing.splice(0, next === undefined ? missing.length : countBefore(missing, next.day));
    if (own.length === 0) continue;
    const added = own.map((day) => partition(day, table)).join(', ');
    const change =
      next === undefined
        ? `add partition (${added})`
        : `reorganize partition ${next.name} into (${added}, ${partition(next.day, table)})`;
    await statements.run(`alter table ${name} ${change}`);
  }
}

/** Counts the days before that day. The days are in order. */
function countBefore(days: readonly Day[], day: Day): number {
  return days.filter((one) => one < day).length;
}
