import type { HistoryRecord } from '../../model/record';
import { chunks, marks, type Database, type Statements } from '../database';
import type { Day } from '../days';
import { prepareDays } from './dropped';
import { findErased, type Erasable } from './erasures';
import type { Layout, Segment, Target } from '../layout/layout';
import { columnsOf, numberOf, textOf, toBindings, toStored } from '../rows';
import { lockState, markUnnamed } from '../schema';
import { add } from './sums';
import type { Titled } from './summed';

/** Limits of one statement. Servers refuse statements that are too long. */
const rowsPerInsert = 100;
const charsPerInsert = 1_000_000;
const idsPerLookup = 500;

/** See `HistoryStore.save`. @returns how many were new. */
export async function save(
  database: Database,
  layout: Layout,
  given: readonly HistoryRecord[],
): Promise<number> {
  const records = [...new Map(given.map(toStored).map((record) => [keyOf(record), record])).values()];
  if (records.length === 0) return 0;
  await prepareDays({ database, layout }, daysOf(layout, records));
  return database.transaction(async (statements) => {
    const { isDaily } = await lockState(statements);
    const wanted = await withoutErased(statements, records);
    const targets = await layout.targets(statements, isDaily, daysOf(layout, wanted));
    const fresh: HistoryRecord[] = [];
    for (const { target, group } of groupByTarget(layout, wanted, targets)) {
      const missing = await withoutExisting(statements, target.lookIn, group);
      await insert(statements, target.into, missing);
      fresh.push(...missing);
    }
    await add(statements, layout.days, fresh.map(toSummed));
    if (fresh.some(({ userDocumentId }) => userDocumentId === null)) await markUnnamed(statements);
    return fresh.length;
  });
}

function keyOf({ recordId, createdAt }: HistoryRecord): string {
  return `${createdAt.getTime()} ${recordId}`;
}

function daysOf({ days }: Layout, records: readonly HistoryRecord[]): Day[] {
  return [...new Set(records.map(({ createdAt }) => days.of(createdAt.getTime())))].sort();
}

function toSummed(record: HistoryRecord): Titled {
  return { ...record, isError: record.error !== null, timeMs: record.createdAt.getTime() };
}

function groupByTarget(
  { days }: Layout,
  records: readonly HistoryRecord[],
  targets: ReadonlyMap<Day, Target>,
): Iterable<{ readonly target: Target; readonly group: HistoryRecord[] }> {
  const groups = new Map<string, { readonly target: Target; readonly group: HistoryRecord[] }>();
  for (const record of records) {
    const target = targets.get(days.of(record.createdAt.getTime()));
    if (target === undefined) throw new Error('The layout has no target for a requested day.');
    const name = target.lookIn.map((segment) => segment.records).join(' ');
    const existing = groups.get(name);
    if (existing === undefined) groups.set(name, { target, group: [record] });
    else existing.group.push(record);
  }
  return groups.values();
}

async function withoutErased(
  statements: Statements,
  records: readonly HistoryRecord[],
): Promise<readonly HistoryRecord[]> {
  const isErased = await findErased(statements, records.map(toErasable));
  return records.filter((record) => !isErased(toErasable(record)));
}

function toErasable(record: HistoryRecord): Erasable {
  return { ...record, timeMs: record.createdAt.getTime() };
}

async function withoutExisting(
  statements: Statements,
  segments: readonly Segment[],
  records: readonly HistoryRecord[],
): Promise<HistoryRecord[]> {
  const existing = new Set<string>();
  for (const some of chunks(records, idsPerLookup)) {
    const times = some.map(({ createdAt }) => createdAt.getTime());
    // The times let databases skip partitions.
    const bindings = [...some.map(({ recordId }) => recordId), Math.min(...times), Math.max(...times)];
    const tables = segments.flatMap(({ records: name, errors }) => [name, errors]);
    const rows = await statements.all(
      tables
        .map(
          (table) => `select record_id, created_at from ${table}
                      where record_id in (${marks(some.length)}) and created_at between ? and ?`,
        )
        .join(' union all '),
      tables.flatMap(() => bindings),
    );
    for (const row of rows) existing.add(`${numberOf(row['created_at'])} ${textOf(row['record_id'])}`);
  }
  return records.filter((record) => !existing.has(keyOf(record)));
}

async function insert(
  statements: Statements,
  segment: Segment,
  records: readonly HistoryRecord[],
): Promise<void> {
  for (const table of ['records', 'errors'] as const) {
    const rows = records.filter(({ error }) => (error === null) === (table === 'records')).map(toBindings);
    const columns = columnsOf(table);
    for (const some of inInserts(rows)) {
      await statements.run(
        `insert into ${segment[table]} (${columns.join(', ')})
         values ${some.map((row) => `(${marks(row.length)})`).join(', ')}`,
        some.flat(),
      );
    }
  }
}

type Bindings = ReturnType<typeof toBindings>;

function inInserts(rows: readonly Bindings[]): Bindings[][] {
  const inserts: Bindings[][] = [];
  let chars = Infinity;
  for (const row of rows) {
    const ofRow = row.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 8), 0);
    const last = inserts.at(-1);
    if (last === undefined || last.length === rowsPerInsert || chars + ofRow > charsPerInsert) {
      inserts.push([row]);
      chars = ofRow;
    } else {
      last.push(row);
      chars += ofRow;
    }
  }
  return inserts;
}
