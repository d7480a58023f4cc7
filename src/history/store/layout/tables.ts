import { chunks, tuples, type Database, type Statements } from '../database';
import { suffixOf, type Day, type Days } from '../days';
import { isMissingTable, MissingTable } from '../errors';
import {
  bothTables,
  daysAmong,
  daysOf,
  incompleteOf,
  segmentOf,
  whole,
  type DayTables,
  type Layout,
  type Segment,
  type Target,
} from './layout';
import { columnsOf, numberOf, textOf } from '../rows';
import { createRecordTable, lockState, readDaily } from '../schema';
import { withinBytes } from '../within-bytes';

/** What the databases with a table for each day do differently. */
export interface Dialect {
  readonly dropsWhole: boolean;

  /** Returns the tables and views whose names begin like those of the records. */
  listNames(statements: Statements): Promise<ReadonlyMap<string, 'table' | 'view'>>;

  /** Runs work that creates, renames or drops tables, in one process at a time. */
  change<T>(database: Database, work: (statements: Statements) => Promise<T>): Promise<T>;

  /** Runs work while nobody writes to these tables. */
  whileUnwritten<T>(statements: Statements, tables: readonly string[], work: () => Promise<T>): Promise<T>;

  replaceView(statements: Statements, name: string, select: string): Promise<void>;

  /** Renames all of these tables, or none. */
  rename(statements: Statements, names: readonly (readonly [from: string, to: string])[]): Promise<void>;

  /** Drops all of these tables, or none. */
  dropTables(statements: Statements, tables: readonly string[]): Promise<void>;

  /** Makes plain tables of these. */
  removePartitions(statements: Statements, tables: readonly string[]): Promise<void>;
}

/** Holds all days while the tables become daily, or become one again. */
const flat: Segment = { day: null, records: `${whole.records}_flat`, errors: `${whole.errors}_flat` };

/** Days in one reading statement. A statement over all days is slow to plan if it has many. */
const daysPerSource = 20;

/** Segments in one statement while records move. SQLite allows at most 500 tables in a union. */
const segmentsPerStatement = 200;

/** Days that one transaction drops. */
const daysPerDrop = 20;

/** Rows and approximate bytes that one transaction moves between tables. Others wait for that long. */
const rowsPerMove = 200;
const bytesPerMove = 1_000_000;

interface Setup {
  readonly dialect: Dialect;
  readonly days: Days;
}

/**
 * Gives each day a pair of tables. The two common names are views over all days. While the tables are divided or
 * joined, a pair of flat tables holds the records that have not been moved.
 */
export function createTablesLayout(dialect: Dialect, days: Days): Layout {
  const setup = { dialect, days };
  const refresh = async (statements: Statements) => {
    const tables = await readTables(setup, statements);
    if (!tables.isDivided) return;
    await dropViews(setup, statements);
    await rebuildViews(setup, statements, daysOf(tables));
  };
  return {
    days,
    dropsWhole: dialect.dropsWhole,

    async create(statements, isDaily) {
      if (isDaily) await rebuildViews(setup, statements, []);
      else await createSegment(statements, whole);
    },

    async sources(statements, first, last) {
      const tables = await readTables(setup, statements);
      if (!tables.isDivided) return [[whole]];
      const own = daysOf(tables)
        .filter((day) => day >= first && day <= last)
        .map(segmentOf);
      if (!tables.isMoving) return chunks(own, daysPerSource);
      return own.length < segmentsPerStatement ? [[flat, ...own]] : [[whole]];
    },

    async segments(statements) {
      const tables = await readTables(setup, statements);
      if (!tables.isDivided) return [whole];
      return [...(tables.isMoving ? [flat] : []), ...daysOf(tables).map(segmentOf)];
    },

    async listTables(statements) {
      const tables = await readTables(setup, statements);
      return tables.isDivided ? tables : null;
    },

    refresh,

    async repairNames(database) {
      if (!(await areReadable(database))) await dialect.change(database, refresh);
    },

    createDays: (database, wanted) =>
      dialect.change(database, (statements) => createDays(setup, statements, wanted)),

    async targets(statements, isDaily, wanted) {
      const tables = await readTables(setup, statements);
      return new Map(wanted.map((day) => [day, targetOf(tables, isDaily, day)]));
    },

    drop: (database, gone) =>
      dialect.dropsWhole ? dropWhole(setup, database, gone) : dropEmpty(setup, database, gone),

    dropEmpty: (database, gone) => dropEmpty(setup, database, gone),

    async migrate(database, isDaily, signal) {
      await begin(setup, database, isDaily);
      while (!signal.aborted && (await moveSome(setup, database, isDaily))) await database.rest();
    },
  };
}

interface Tables extends DayTables {
  /** Whether the two names are views. */
  readonly isDivided: boolean;
}

async function readTables({ dialect }: Setup, statements: Statements): Promise<Tables> {
  const names = await dialect.listNames(statements);
  return {
    isDivided: names.get(whole.records) !== 'table',
    isMoving: names.has(flat.records),
    records: daysAmong(names.keys(), 'records'),
    errors: daysAmong(names.keys(), 'errors'),
  };
}

function targetOf(tables: Tables, isDaily: boolean, day: Day): Target {
  if (!tables.isDivided) return { into: whole, lookIn: [whole] };
  const own = segmentOf(day);
  const exists = incompleteOf(tables, [day]).length === 0;
  if (isDaily ? !exists : !tables.isMoving) throw new MissingTable();
  if (isDaily) return { into: own, lookIn: tables.isMoving ? [own, flat] : [own] };
  return { into: flat, lookIn: exists ? [flat, own] : [flat] };
}

/** The table of errors comes first, because the other one shows that both exist. */
async function createSegment(statements: Statements, segment: Segment): Promise<void> {
  for (const table of ['errors', 'records'] as const)
    await createRecordTable(statements, segment[table], table);
}

async function createDays(setup: Setup, statements: Statements, days: readonly Day[]): Promise<void> {
  const tables = await readTables(setup, statements);
  const missing = incompleteOf(tables, days);
  // Another process can have joined the tables while this one waited for the lock.
  if (!tables.isDivided || missing.length === 0) return;
  for (const day of missing) await createSegment(statements, segmentOf(day));
  await rebuildViews(setup, statements, missing);
}

/**
 * Creates both views again, over all existing tables. It uses one view per month, because SQLite allows at most 500
 * tables in one union. If no table exists yet, it creates an empty one.
 * @param changed days whose tables were created or dropped.
 */
async function rebuildViews(setup: Setup, statements: Statements, changed: readonly Day[]): Promise<void> {
  const { dialect, days } = setup;
  const tables = await readTables(setup, statements);
  if (!tables.isMoving && (tables.records.length === 0 || tables.errors.length === 0))
    return createDays(setup, statements, [days.of(Date.now())]);
  for (const { name, table } of bothTables) {
    const columns = columnsOf(table).join(', ');
    const union = (all: readonly string[]) =>
      all.map((one) => `select ${columns} from ${one}`).join(' union all ');
    const partOf = (month: string) => `${name}_part_${month}`;
    const months = new Set(tables[table].map(monthOf));
    const changedMonths = [...new Set(changed.map(monthOf))];
    for (const month of changedMonths.filter((one) => months.has(one))) {
      const own = tables[table].filter((day) => monthOf(day) === month);
      await dialect.replaceView(statements, partOf(month), union(own.map((day) => segmentOf(day)[table])));
    }
    const parts = [...months].map(partOf);
    await dialect.replaceView(statements, name, union([...(tables.isMoving ? [flat[table]] : []), ...parts]));
    for (const month of changedMonths.filter((one) => !months.has(one)))
      await statements.run(`drop view if exists ${partOf(month)}`);
  }
}

/** `2025_01` */
function monthOf(day: Day): string {
  return suffixOf(day).slice(0, 7);
}

/** Returns false if a view reads a table that somebody has dropped. */
async function areReadable(statements: Statements): Promise<boolean> {
  try {
    for (const { name } of bothTables) await statements.all(`select 1 as one from ${name} limit 0`);
    return true;
  } catch (error) {
    if (!isMissingTable(error)) throw error;
    return false;
  }
}

async function dropViews({ dialect }: Setup, statements: Statements): Promise<void> {
  const names = [...(await dialect.listNames(statements)).keys()];
  const views = names.filter((name) =>
    bothTables.some((one) => name === one.name || name.startsWith(`${one.name}_part_`)),
  );
  for (const view of views.sort((one, other) => one.length - other.length))
    await statements.run(`drop view if exists ${view}`);
}

async function isEmpty(statements: Statements, { records, errors }: Segment): Promise<boolean> {
  const [row] = await statements.all(
    `select (exists (select 1 from ${records}) or exists (select 1 from ${errors})) as has_rows`,
  );
  return Number(row?.['has_rows']) === 0;
}

async function dropWhole(setup: Setup, database: Database, days: readonly Day[]): Promise<void> {
  await setup.dialect.change(database, async (statements) => {
    const tables = await readTables(setup, statements);
    const own = daysOf(tables).filter((day) => days.includes(day));
    if (own.length === 0) return;
    const names = own.flatMap((day) => [segmentOf(day).records, segmentOf(day).errors]);
    await setup.dialect.dropTables(statements, names);
    await rebuildViews(setup, statements, own);
  });
}

/** Drops the tables of these days, except those that are not empty. */
async function dropEmpty(setup: Setup, database: Database, days: readonly Day[]): Promise<void> {
  const { dialect } = setup;
  for (const some of chunks(days, daysPerDrop)) {
    await dialect.change(database, async (statements) => {
      const tables = await readTables(setup, statements);
      const incomplete = incompleteOf(tables, some);
      const own = daysOf(tables).filter((day) => some.includes(day) && !incomplete.includes(day));
      const names = own.flatMap((day) => [segmentOf(day).records, segmentOf(day).errors]);
      const dropped = await dialect.whileUnwritten(statements, names, async () => {
        const empty: Day[] = [];
        for (const day of own) {
          const segment = segmentOf(day);
          if (!(await isEmpty(statements, segment))) continue;
          await dialect.dropTables(statements, [segment.records, segment.errors]);
          empty.push(day);
        }
        return empty;
      });
      if (dropped.length > 0) await rebuildViews(setup, statements, dropped);
    });
    await database.rest();
  }
}

/** Starts a migration. From now on, new records go to their final tables. The views show both. */
async function begin(setup: Setup, database: Database, isDaily: boolean): Promise<void> {
  const { dialect } = setup;
  await dialect.change(database, async (statements) => {
    const { isDivided, isMoving } = await readTables(setup, statements);
    // An earlier version divided MySQL's tables by partitions. Then they are daily, but not divided.
    if ((await readDaily(statements)) === isDaily && (isDivided || !isDaily)) return;
    if (isDaily && !isDivided)
      await dialect.rename(
        statements,
        bothTables.map(({ name, table }) => [name, flat[table]]),
      );
    if (!isDaily) {
      const common = isDivided ? flat : whole;
      if (isDivided && !isMoving) await createSegment(statements, flat);
      await dialect.removePartitions(statements, [common.records, common.errors]);
    }
    if (isDaily || isDivided) await rebuildViews(setup, statements, []);
    await statements.run('update history_state set daily = ? where id = 1', [isDaily ? 1 : 0]);
  });
}

/** Moves some records. @returns whether more may remain. */
async function moveSome(setup: Setup, database: Database, isDaily: boolean): Promise<boolean> {
  try {
    const next = await findNext(setup, database, isDaily);
    if (next === 'done') return false;
    return next === 'finish'
      ? await finish(setup, database, isDaily)
      : await moveNext(setup, database, isDaily, next);
  } catch (error) {
    if (!isMissingTable(error)) throw error;
    // Another process has dropped or renamed the table meanwhile.
    return true;
  }
}

async function moveNext(
  setup: Setup,
  database: Database,
  isDaily: boolean,
  { day, isIncomplete }: NextDay,
): Promise<boolean> {
  if (isIncomplete)
    await setup.dialect.change(database, (statements) => createDays(setup, statements, [day]));
  const moved = await moveDay(setup, database, isDaily, day);
  if (moved === 0 && !isDaily) await dropMoved(setup, database, day);
  return moved !== null;
}

/** @returns how many records it moved; null if another process wants the opposite. The last one that started wins. */
async function moveDay(
  { days }: Setup,
  database: Database,
  isDaily: boolean,
  day: Day,
): Promise<number | null> {
  return database.transaction(async (statements) => {
    const state = await lockState(statements);
    if (state.isDaily !== isDaily) return null;
    const own = segmentOf(day);
    return isDaily
      ? move(statements, flat, own, [days.startOf(day), days.endOf(day)])
      : move(statements, own, flat, null);
  });
}

interface NextDay {
  readonly day: Day;
  readonly isIncomplete: boolean;
}

/** Finds the day whose records to move next: the oldest one. */
async function findNext(
  setup: Setup,
  statements: Statements,
  isDaily: boolean,
): Promise<NextDay | 'done' | 'finish'> {
  const tables = await readTables(setup, statements);
  if (!tables.isDivided || (isDaily && !tables.isMoving)) return 'done';
  const oldest = isDaily ? await oldestIn(statements, flat) : null;
  const day = oldest === null ? (isDaily ? undefined : daysOf(tables)[0]) : setup.days.of(oldest);
  return day === undefined ? 'finish' : { day, isIncomplete: incompleteOf(tables, [day]).length > 0 };
}

async function oldestIn(statements: Statements, segment: Segment): Promise<number | null> {
  const [row] = await statements.all(
    `select min(oldest) as oldest from (select min(created_at) as oldest from ${segment.records}
     union all select min(created_at) as oldest from ${segment.errors}) oldest_of_both`,
  );
  const oldest = row?.['oldest'];
  return oldest === null || oldest === undefined ? null : numberOf(oldest);
}

/** Drops the flat tables when all days have theirs, or gives them their final names. @returns whether more remains. */
async function finish(setup: Setup, database: Database, isDaily: boolean): Promise<boolean> {
  const { dialect } = setup;
  return dialect.change(database, async (statements) => {
    if ((await readDaily(statements)) !== isDaily) return false;
    // Nobody else changes tables now. Records only go to the flat tables while the state is not daily.
    const next = await findNext(setup, statements, isDaily);
    if (next !== 'finish') return next !== 'done';
    if (isDaily) {
      await dialect.dropTables(statements, [flat.records, flat.errors]);
      await rebuildViews(setup, statements, []);
    } else {
      await dropViews(setup, statements);
      await dialect.rename(
        statements,
        bothTables.map(({ name, table }) => [flat[table], name]),
      );
    }
    return false;
  });
}

/** Drops the tables of a day whose records are all in the flat tables. */
async function dropMoved(setup: Setup, database: Database, day: Day): Promise<void> {
  await setup.dialect.change(database, async (statements) => {
    // While the state is not daily, nobody writes to the tables of a day.
    if (await readDaily(statements)) return;
    if (incompleteOf(await readTables(setup, statements), [day]).length > 0) return;
    const segment = segmentOf(day);
    if (!(await isEmpty(statements, segment))) return;
    await setup.dialect.dropTables(statements, [segment.records, segment.errors]);
    await rebuildViews(setup, statements, [day]);
  });
}

/** @param range of time, its end excluded; null moves records of any time. */
async function move(
  statements: Statements,
  from: Segment,
  to: Segment,
  range: readonly [start: number, end: number] | null,
): Promise<number> {
  let moved = 0;
  for (const { table } of bothTables) {
    const columns = columnsOf(table).join(', ');
    const text = table === 'records' ? '' : ' + octet_length(partial_text)';
    const rows = await statements.all(
      `select record_id, created_at, octet_length(messages) + coalesce(octet_length(response), 0)${text} as size
       from ${from[table]} ${range === null ? '' : 'where created_at >= ? and created_at < ?'}
       order by created_at limit ${rowsPerMove}`,
      range ?? [],
    );
    const keys = withinBytes(
      rows.map((row) => ({
        item: [textOf(row['record_id']), numberOf(row['created_at'])] as const,
        bytes: numberOf(row['size']),
      })),
      bytesPerMove,
    );
    if (keys.length === 0) continue;
    const own = `where (record_id, created_at) in (${tuples(statements.kind, keys.length, 2)})`;
    await statements.run(
      `insert into ${to[table]} (${columns}) select ${columns} from ${from[table]} ${own}`,
      keys.flat(),
    );
    await statements.run(`delete from ${from[table]} ${own}`, keys.flat());
    moved += keys.length;
  }
  return moved;
}
