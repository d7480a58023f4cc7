import { HistoryProblem } from '../model/problem';
import type { Database, Kind, Statements } from './database';

/** The columns of the three databases differ only in the names of their types. */
interface Types {
  /**
   * A type that compares byte by byte, including spaces at the end. So all three databases sort and distinguish alike.
   */
  readonly key: (length: number) => string;
  readonly text: string;
  readonly json: string;
  readonly suffix: string;
}

export async function typesOf(statements: Statements): Promise<Types> {
  switch (statements.kind) {
    case 'sqlite':
      return { key: () => 'text', text: 'text', json: 'text', suffix: '' };
    case 'postgres':
      return { key: () => 'text collate "C"', text: 'text', json: 'json', suffix: '' };
    case 'mysql': {
      const [row] = await statements.all('select version() as version');
      const collation = /mariadb/iu.test(String(row?.['version'])) ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin';
      return {
        key: (length) => `varchar(${length})`,
        text: 'longtext',
        json: 'longtext',
        suffix: ` engine=InnoDB row_format=dynamic default charset=utf8mb4 collate=${collation}`,
      };
    }
  }
}

/**
 * Creates a table of records, for one day or for all days. Times are always whole milliseconds since 1970.
 * @param clause SQL after the columns, for partitioning.
 */
export async function createRecordTable(
  statements: Statements,
  name: string,
  table: 'records' | 'errors',
  clause = '',
): Promise<void> {
  const { key, text, json, suffix } = await typesOf(statements);
  const errorColumns = [
    `error_code ${key(255)} not null`,
    `error_message ${text} not null`,
    `error_phase ${key(32)} not null`,
    `partial_text ${text} not null`,
  ];
  const columns = [
    `record_id ${key(64)} not null`,
    `conversation_id ${key(255)} not null`,
    // 0, or the number by which an older version named the user.
    'user_id bigint not null',
    // Null before the search for the user; empty if the search found none.
    userColumn(key),
    `character_id ${key(255)}`,
    'token_id bigint',
    'channel_id bigint',
    `model ${key(255)} not null`,
    `messages ${json} not null`,
    `response ${json}`,
    ...['prompt_tokens', 'completion_tokens', 'total_tokens', 'price_nanos'].map(
      (column) => `${column} bigint not null`,
    ),
    `currency ${key(16)} not null`,
    'latency_ms bigint',
    firstTokenColumn,
    'created_at bigint not null',
    ...(table === 'errors' ? errorColumns : []),
    'primary key (record_id, created_at)',
    // Only MySQL creates indexes together with their table, which saves two changes of it.
    ...(statements.kind === 'mysql'
      ? [`key by_owner (${ownerColumns.join(', ')})`, 'key by_time (created_at, record_id)']
      : []),
  ];
  await statements.run(`create table if not exists ${name} (${columns.join(', ')})${suffix}${clause}`);
  await indexByOwner(statements, name);
  await createIndex(statements, name, 'by_time', ['created_at', 'record_id']);
}

/** Stores of older versions lack this column until they are opened. */
export const firstTokenColumn = 'first_token_ms bigint';

const ownerColumns = ['user_document_id', 'conversation_id', 'created_at', 'record_id'];

export async function indexByOwner(statements: Statements, table: string): Promise<void> {
  await createIndex(statements, table, 'by_owner', ownerColumns);
}

/** Shorter than Strapi's column, which is for any text. With 255 characters, the keys would be too long for MySQL. */
const userKeyLength = 64;

export function userColumn(key: Types['key']): string {
  return `user_document_id ${key(userKeyLength)}`;
}

/**
 * Creates an index if it is missing. PostgreSQL chooses the name, because a replaced table would still own a fixed
 * name.
 */
export async function createIndex(
  statements: Statements,
  table: string,
  name: string,
  columns: readonly string[],
): Promise<void> {
  const target = `${table} (${columns.join(', ')})`;
  switch (statements.kind) {
    case 'sqlite':
      return void (await statements.run(`create index if not exists ${table}_${name} on ${target}`));
    case 'postgres':
      if (!(await hasIndex(statements, table, columns))) await statements.run(`create index on ${target}`);
      return;
    case 'mysql':
      if (!(await hasMysqlIndex(statements, table, name)))
        await statements.run(`create index ${name} on ${target}`);
  }
}

async function hasIndex(statements: Statements, table: string, columns: readonly string[]): Promise<boolean> {
  const rows = await statements.all(
    'select indexdef from pg_indexes where schemaname = current_schema() and tablename = ?',
    [table],
  );
  return rows.some((row) => String(row['indexdef']).endsWith(`(${columns.join(', ')})`));
}

async function hasMysqlIndex(statements: Statements, table: string, name: string): Promise<boolean> {
  const rows = await statements.all(
    'select 1 from information_schema.statistics where table_schema = database() and table_name = ? and index_name = ? limit 1',
    [table, name],
  );
  return rows.length > 0;
}

/**
 * How long to wait for the lock of MySQL. A change of a MySQL table ends its transaction, so this lock is independent
 * of transactions.
 */
const lockSeconds = 600;

/** Runs work that creates or changes tables, in one process at a time. */
export async function alone<T>(database: Database, work: (statements: Statements) => Promise<T>): Promise<T> {
  return database.transaction(async (statements) => {
    if (statements.kind === 'mysql') return underName(statements, work);
    // Without this lock, two processes could find that a table is missing, and the second would fail.
    if (statements.kind === 'postgres')
      await statements.all("select pg_advisory_xact_lock(hashtext('chat history'))");
    return work(statements);
  });
}

async function underName<T>(
  statements: Statements,
  work: (statements: Statements) => Promise<T>,
): Promise<T> {
  // MySQL refuses names of more than 64 characters, and the name of the database alone can have as many.
  const lock = "concat(left(sha2(database(), 256), 40), '.history')";
  const [row] = await statements.all(`select get_lock(${lock}, ${lockSeconds}) as taken`);
  if (Number(row?.['taken']) !== 1) throw new HistoryProblem('busy');
  try {
    return await work(statements);
  } finally {
    await statements.all(`select release_lock(${lock}) as released`);
  }
}

/** Creates all tables except those of the records. */
export async function createSums(statements: Statements): Promise<void> {
  const { key, suffix } = await typesOf(statements);
  const create = (name: string, columns: readonly string[]) =>
    statements.run(`create table if not exists ${name} (${columns.join(', ')})${suffix}`);
  // One row. Every transaction that writes first locks it, so that they run one after the other.
  await create('history_state', [
    'id integer not null primary key',
    'daily integer not null',
    ...(await stateColumns(statements)),
  ]);
  await createErasures(statements);
  await create('history_former_users', [
    'user_id bigint not null',
    `conversation_id ${key(255)} not null`,
    `${userColumn(key)} not null`,
    'first_at bigint not null',
    'last_at bigint not null',
    'primary key (user_id, conversation_id, user_document_id)',
  ]);
  await create('history_conversations', [
    `${userColumn(key)} not null`,
    `conversation_id ${key(255)} not null`,
    ...['records', 'errors', 'total_tokens'].map((column) => `${column} bigint not null`),
    'first_at bigint not null',
    `first_id ${key(64)} not null`,
    `title ${key(255)} not null`,
    'last_at bigint not null',
    `last_id ${key(64)} not null`,
    `model ${key(255)} not null`,
    `character_id ${key(255)} not null`,
    'primary key (user_document_id, conversation_id)',
  ]);
  await createBuckets(statements);
  await createDailySums(statements);
  const conversations = 'history_conversations';
  await createIndex(statements, conversations, 'by_last', ['user_document_id', 'last_at', 'conversation_id']);
  await createIndex(statements, conversations, 'by_last_of_all', ['last_at', 'conversation_id']);
  await createIndex(statements, conversations, 'by_first', [
    'first_at',
    'user_document_id',
    'conversation_id',
  ]);
  await createIndex(statements, conversations, 'by_id', ['conversation_id']);
  await createIndex(statements, 'history_buckets', 'by_start', ['start_ms']);
  await createIndex(statements, 'history_former_users', 'by_user', ['user_document_id']);
}

/**
 * `identity` distinguishes stores, and shows that all tables exist. `unnamed` is 2 while records are left to check,
 * then 1 while numbers are left, then 0. `time_zone` is null or missing in stores of older versions, which used UTC.
 * `uncounted_before` is the time before which no day has daily sums yet. It is 0 when all days have them, and null or
 * missing in stores of older versions.
 */
export async function stateColumns(statements: Statements): Promise<readonly string[]> {
  const { key } = await typesOf(statements);
  return [`identity ${key(64)}`, 'unnamed integer', `time_zone ${key(64)}`, 'uncounted_before bigint'];
}

/**
 * Creates the table of erasures. Users of older versions are named by number, and their documentId is empty. The
 * number of all others is 0.
 */
export async function createErasures(statements: Statements, name = 'history_erasures'): Promise<void> {
  const { key, suffix } = await typesOf(statements);
  const columns = [
    `${userColumn(key)} not null`,
    'user_id bigint not null',
    `conversation_id ${key(255)} not null`,
    'erased_before bigint not null',
    'primary key (user_document_id, user_id, conversation_id)',
  ];
  await statements.run(`create table if not exists ${name} (${columns.join(', ')})${suffix}`);
}

export async function createBuckets(statements: Statements, name = 'history_buckets'): Promise<void> {
  const { key, suffix } = await typesOf(statements);
  const columns = [
    `${userColumn(key)} not null`,
    'start_ms bigint not null',
    `model ${key(255)} not null`,
    `character_id ${key(255)} not null`,
    `currency ${key(16)} not null`,
    ...bucketSums.map((column) => `${column} bigint not null`),
    'primary key (user_document_id, start_ms, model, character_id, currency)',
  ];
  await statements.run(`create table if not exists ${name} (${columns.join(', ')})${suffix}`);
}

export const dailySumKeys = ['facet', 'day', 'character_id', 'model', 'value'] as const;

/** Creates the sums of days, see `daily-sums.ts`. Days are those of the store's time zone: `2025-01-15`. */
export async function createDailySums(statements: Statements): Promise<void> {
  const { key, suffix } = await typesOf(statements);
  const columns = [
    `facet ${key(16)} not null`,
    `day ${key(10)} not null`,
    `character_id ${key(255)} not null`,
    `model ${key(255)} not null`,
    `value ${key(64)} not null`,
    ...bucketSums.map((column) => `${column} bigint not null`),
    `primary key (${dailySumKeys.join(', ')})`,
  ];
  await statements.run(`create table if not exists history_days (${columns.join(', ')})${suffix}`);
}

export const bucketSums = [
  'records',
  'errors',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'price_nanos',
] as const;

/** Takes the lock that orders saving and erasing. @returns whether the tables should be daily. */
export async function lockState(statements: Statements): Promise<{ readonly isDaily: boolean }> {
  // SQLite has one lock for all. A transaction that begins with a read could fail to become a writer later.
  if (statements.kind === 'sqlite') await statements.run('update history_state set id = id where id = 1');
  const [row] = await statements.all(
    `select daily from history_state where id = 1${lockingClause(statements.kind)}`,
  );
  return { isDaily: Number(row?.['daily']) === 1 };
}

/** Returns whether the tables should be daily. The answer can be outdated without the lock of the state. */
export async function readDaily(statements: Statements): Promise<boolean> {
  const [row] = await statements.all('select daily from history_state where id = 1');
  return Number(row?.['daily']) === 1;
}

/** Notes that some records need a search for their user. The caller holds the lock of the state. */
export async function markUnnamed(statements: Statements): Promise<void> {
  await statements.run('update history_state set unnamed = 2 where id = 1');
}

function lockingClause(kind: Kind): string {
  return kind === 'sqlite' ? '' : ' for update';
}
