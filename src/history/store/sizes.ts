import type { DayPartition, TableSize } from '../model/maintenance';
import type { Database, Statements } from './database';
import type { Day } from './days';
import { daysOf, segmentOf, type Layout } from './layout/layout';
import { countOf } from './operations/prune';
import { errorsTable, numberOf, recordsTable } from './rows';

const tables = [recordsTable, errorsTable, 'history_conversations', 'history_buckets', 'history_erasures'];

/** See `HistoryMaintenance.listSizes`. */
export async function listSizes(statements: Statements): Promise<readonly TableSize[]> {
  const bytes = await bytesByTable(statements);
  const sizes: TableSize[] = [];
  for (const table of tables) {
    const [row] = await statements.all(`select count(*) as count from ${table}`);
    // Includes the tables of days, whose names begin with the common name.
    const own = [...bytes].filter(([name]) => name === table || name.startsWith(`${table}_`));
    sizes.push({
      table,
      rows: numberOf(row?.['count']),
      bytes: own.reduce((sum, [, size]) => sum + size, 0),
    });
  }
  return sizes;
}

/** See `HistoryMaintenance.listPartitions`. */
export async function listPartitions(database: Database, layout: Layout): Promise<readonly DayPartition[]> {
  const days = daysOf(await layout.listTables(database));
  if (days.length === 0) return [];
  const bytes = await bytesByTable(database);
  const partitions: DayPartition[] = [];
  for (const day of days)
    partitions.push({ day, rows: await countOf(database, layout, day), bytes: bytesOf(bytes, day) });
  return partitions;
}

function bytesOf(bytes: ReadonlyMap<string, number>, day: Day): number {
  const { records, errors } = segmentOf(day);
  return (bytes.get(records) ?? 0) + (bytes.get(errors) ?? 0);
}

/** Returns the bytes of each table with its indexes, by table name. */
async function bytesByTable(statements: Statements): Promise<ReadonlyMap<string, number>> {
  const sql = {
    sqlite: `select m.tbl_name as name, sum(s.pgsize) as bytes from dbstat s join sqlite_master m on m.name = s.name
             where s.aggregate = true group by m.tbl_name`,
    postgres: `select relname as name, pg_total_relation_size(oid) as bytes from pg_class
               where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace`,
    mysql: `select table_name as name, data_length + index_length as bytes from information_schema.tables
            where table_schema = database()`,
  }[statements.kind];
  return toMap(await statements.all(sql));
}

function toMap(rows: Awaited<ReturnType<Statements['all']>>): ReadonlyMap<string, number> {
  return new Map(rows.map((row) => [String(row['name']), numberOf(row['bytes'])]));
}
