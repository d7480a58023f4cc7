import { chunks, type Database, type Statements } from '../database';
import { dayIn, dayMs, dayOf, endOf, startOf, suffixOf, type Day } from '../days';
import { bothTables, segmentOf, whole, type Layout, type Segment, type Target } from './layout';
import { columnsOf } from '../rows';
import { createRecordTable, lockState } from '../schema';
import { withinBytes } from '../within-bytes';

/** Holds all days while the tables become daily, or become one again. */
const flat: Segment = { day: null, records: `${whole.records}_flat`, errors: `${whole.errors}_flat` };

/** Days in one reading statement. The view over all days is slow to plan if it has many. */
const daysPerSource = 20;

/** Days that one transaction drops. */
const daysPerDrop = 20;

/** Rows and approximate bytes that one transaction moves between tables. Others wait for that long. */
const rowsPerMove = 200;
const bytesPerMove = 1_000_000;

export const sqliteLayout: Layout = {
  dropsWhole: false,

  async create(statements, isDaily) {
    if (isDaily) await rebuildViews(statements, []);
    else await createSegment(statements, whole);
  },

  async sources(statements, first, last) {
    const { isDivided, hasFlat, days } = await readTables(statements);
    if (!isDivided || hasFlat) return [[whole]];
    const own = days.filter((day) => day >= first && day <= last).map(segmentOf);
    return chunks(own, daysPerSource);
  },

  async segments(statements) {
    const { isDivided, hasFlat, days } = await readTables(statements);
    if (!isDivided) return [whole];
    return [...(hasFlat ? [flat] : []), ...days.map(segmentOf)];
  },

  async refresh(statements) {
    const { isDivided, days } = await readTables(statements);
    if (isDivided) await rebuildViews(statements, days);
  },

  prepare: async () => undefined,

  async targets(statements, isDaily, days) {
    const { isDivided, hasFlat, days: existing } = await readTables(statements);
    if (!isDivided) return new Map(days.map((day) => [day, { into: whole, lookIn: [whole] }]));
    const known = new Set(existing);
    if (isDaily)
      await createDays(
        statements,
        days.filter((day) => !known.has(day)),
      );
    return new Map(
      days.map((day): [Day, Target] => {
        const own = segmentOf(day);
        if (isDaily) return [day, { into: own, lookIn: hasFlat ? [own, flat] : [own] }];
        return [day, { into: flat, lookIn: known.has(day) ? [flat, own] : [flat] }];
      }),
    );
  },

  listDays: async (statements) => (await readTables(statements)).days,

  drop: dropDays,

  dropEmpty: dropDays,

  async migrate(database, isDaily, signal) {
    await begin(database, isDaily);
    while (!signal.aborted && (await moveSome(database, isDaily))) await database.rest();
  },
};

interface Tables {
  /** Whether the two names are views. */
  readonly isDivided: boolean;
  readonly hasFlat: boolean;
  readonly days: readonly Day[];
}

async function readTables(statements: Statements): Promise<Tables> {
  const rows = await statements.all(
    `select name, type from sqlite_master where type in ('table', 'view') and name glob '${whole.records}*'`,
  );
  const types = new Map(rows.map((row) => [String(row['name']), row['type']]));
  return {
    isDivided: types.get(whole.records) === 'view',
    hasFlat: types.has(flat.records),
    days: [...types].flatMap(([name, type]) => (type === 'table' ? (dayIn(name) ?? []) : [])).sort(),
  };
}

async function createSegment(statements: Statements, segment: Segment): Promise<void> {
  for (const { table } of bothTables) await createRecordTable(statements, segment[table], table);
}

async function createDays(statements: Statements, days: readonly Day[]): Promise<void> {
  if (days.length === 0) return;
  for (const day of days) await createSegment(statements, segmentOf(day));
  await rebuildViews(statements, days);
}

/**
 * Creates both views again, over all existing tables. It uses one view per month, because SQLite allows at most 500
 * tables in one union. If no table exists yet, it creates an empty one.
 * @param changed days whose tables were created or dropped.
 */
async function rebuildViews(statements: Statements, changed: readonly Day[]): Promise<void> {
  const { hasFlat, days } = await readTables(statements);
  if (!hasFlat && days.length === 0) return createDays(statements, [dayOf(Date.now())]);
  const months = [...new Set(days.map(monthOf))];
  for (const { name, table } of bothTables) {
    const columns = columnsOf(table).join(', ');
    const union = (tables: readonly string[]) =>
      tables.map((one) => `select ${columns} from ${one}`).join(' union all ');
    for (const month of new Set(changed.map(monthOf))) {
      await statements.run(`drop view if exists ${name}_part_${month}`);
      const own = days.filter((day) => monthOf(day) === month).map((day) => segmentOf(day)[table]);
      if (own.length > 0) await statements.run(`create view ${name}_part_${month} as ${union(own)}`);
    }
    const parts = months.map((month) => `${name}_part_${month}`);
    await statements.run(`drop view if exists ${name}`);
    await statements.run(`create view ${name} as ${union([...(hasFlat ? [flat[table]] : []), ...parts])}`);
  }
}

/** `2025_01` */
function monthOf(day: Day): string {
  return suffixOf(day).slice(0, 7);
}

async function dropViews(statements: Statements): Promise<void> {
  const rows = await statements.all(
    `select name from sqlite_master where type = 'view'
     and (name glob '${whole.records}*' or name glob '${whole.errors}*') order by length(name)`,
  );
  for (const row of rows) await statements.run(`drop view ${String(row['name'])}`);
}

async function isEmpty(statements: Statements, segment: Segment): Promise<boolean> {
  const rows = await statements.all(
    `select 1 where exists (select 1 from ${segment.records}) or exists (select 1 from ${segment.errors})`,
  );
  return rows.length === 0;
}

/** Drops the tables of these days, except those that are not empty. */
async function dropDays(database: Database, days: readonly Day[]): Promise<void> {
  for (const some of chunks(days, daysPerDrop)) {
    await database.transaction(async (statements) => {
      await lockState(statements);
      await dropEmpty(statements, some.map(segmentOf));
    });
    await database.rest();
  }
}

async function dropEmpty(statements: Statements, segments: readonly Segment[]): Promise<void> {
  const { hasFlat, days } = await readTables(statements);
  const dropped: Segment[] = [];
  for (const segment of segments) {
    const isThere = segment.day === null ? hasFlat : days.includes(segment.day);
    if (!isThere || !(await isEmpty(statements, segment))) continue;
    await statements.run(`drop table ${segment.records}`);
    await statements.run(`drop table ${segment.errors}`);
    dropped.push(segment);
  }
  if (dropped.length > 0)
    await rebuildViews(
      statements,
      dropped.flatMap(({ day }) => day ?? []),
    );
}

/** Starts a migration. From now on, new records go to their final tables. The views show both. */
async function begin(database: Database, isDaily: boolean): Promise<void> {
  await database.transaction(async (statements) => {
    const state = await lockState(statements);
    if (state.isDaily === isDaily) return;
    const { isDivided, hasFlat } = await readTables(statements);
    if (isDaily && !isDivided) {
      for (const { name, table } of bothTables)
        await statements.run(`alter table ${name} rename to ${flat[table]}`);
      await rebuildViews(statements, []);
    }
    if (!isDaily && !hasFlat) {
      await createSegment(statements, flat);
      await rebuildViews(statements, []);
    }
    await statements.run('update history_state set daily = ? where id = 1', [isDaily ? 1 : 0]);
  });
}

/** Moves some records. @returns whether more may remain. */
async function moveSome(database: Database, isDaily: boolean): Promise<boolean> {
  return database.transaction(async (statements) => {
    const state = await lockState(statements);
    const { isDivided, hasFlat, days } = await readTables(statements);
    // Another process wants the opposite. The last one that started wins.
    if (state.isDaily !== isDaily || !isDivided) return false;
    return isDaily ? hasFlat && (await moveOut(statements, days)) : moveIn(statements, days);
  });
}

/** Moves the oldest records from the flat tables to the tables of their day. */
async function moveOut(statements: Statements, days: readonly Day[]): Promise<boolean> {
  const oldest = await oldestIn(statements, flat);
  if (oldest === null) {
    await dropEmpty(statements, [flat]);
    return false;
  }
  const day = dayOf(oldest);
  if (!days.includes(day)) await createDays(statements, [day]);
  await move(statements, flat, segmentOf(day), [startOf(day), endOf(day)]);
  return true;
}

async function oldestIn(statements: Statements, segment: Segment): Promise<number | null> {
  const [row] = await statements.all(
    `select min(oldest) as oldest from (select min(created_at) as oldest from ${segment.records}
     union all select min(created_at) as oldest from ${segment.errors})`,
  );
  const oldest = row?.['oldest'];
  return typeof oldest === 'number' ? oldest : null;
}

/** Moves records of the oldest day to the flat tables. After the last day, the flat tables get their final names. */
async function moveIn(statements: Statements, days: readonly Day[]): Promise<boolean> {
  const [day] = days;
  if (day === undefined) {
    await dropViews(statements);
    for (const { name, table } of bothTables)
      await statements.run(`alter table ${flat[table]} rename to ${name}`);
    return false;
  }
  const moved = await move(statements, segmentOf(day), flat, [-8.64e15, 8.64e15 + dayMs]);
  if (moved === 0) await dropEmpty(statements, [segmentOf(day)]);
  return true;
}

async function move(
  statements: Statements,
  from: Segment,
  to: Segment,
  [start, end]: readonly [number, number],
): Promise<number> {
  let moved = 0;
  for (const { table } of bothTables) {
    const columns = columnsOf(table).join(', ');
    const text = table === 'records' ? '' : ' + octet_length(partial_text)';
    const rows = await statements.all(
      `select rowid as id, octet_length(messages) + coalesce(octet_length(response), 0)${text} as size
       from ${from[table]} where created_at >= ? and created_at < ? order by created_at limit ${rowsPerMove}`,
      [start, end],
    );
    const ids = withinBytes(
      rows.map((row) => ({ item: Number(row['id']), bytes: Number(row['size']) })),
      bytesPerMove,
    );
    if (ids.length === 0) continue;
    const list = ids.join(', ');
    await statements.run(
      `insert into ${to[table]} (${columns}) select ${columns} from ${from[table]} where rowid in (${list})`,
    );
    await statements.run(`delete from ${from[table]} where rowid in (${list})`);
    moved += ids.length;
  }
  return moved;
}
