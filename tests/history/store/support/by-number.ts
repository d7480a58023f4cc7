import type { HistoryRecord } from '../../../../src/history';
import { bucketsOf } from './records';
import type { ServerName, TestHistory } from './servers';

/** A record of version 7a934fc, which stored its user as a number. */
export type NumberedRecord = Omit<HistoryRecord, 'userDocumentId' | 'formerUserId'> & {
  readonly formerUserId: number;
};

export interface NumberedErasure {
  readonly formerUserId: number;
  readonly conversationId: string;
  readonly before: Date;
}

interface Numbered {
  readonly server: ServerName;
  readonly isDaily: boolean;
  readonly records: readonly NumberedRecord[];
  readonly erasures?: readonly NumberedErasure[];
}

const dayMs = 86_400_000;
const dayOf = (time: Date) => time.toISOString().slice(0, 10);
const suffixOf = (day: string) => day.replaceAll('-', '_');
const startOf = (day: string) => Date.parse(`${day}T00:00:00Z`);
const sums = ['records', 'errors', 'prompt_tokens', 'completion_tokens', 'total_tokens', 'price_nanos'];

/** Creates the tables of version 7a934fc with these records. */
export async function createByNumber(history: TestHistory, numbered: Numbered): Promise<void> {
  const { server, isDaily, records, erasures = [] } = numbered;
  const key = (length: number) =>
    ({ sqlite: 'text', postgres: 'text collate "C"', mariadb: `varchar(${length})` })[server];
  const suffix =
    server === 'mariadb'
      ? ' engine=InnoDB row_format=dynamic default charset=utf8mb4 collate=utf8mb4_nopad_bin'
      : '';
  const text = server === 'mariadb' ? 'longtext' : 'text';
  const json = { sqlite: 'text', postgres: 'json', mariadb: 'longtext' }[server];
  if (server === 'postgres') await history.db.raw('create schema history');
  const run = async (sql: string, bindings: readonly (string | number | null)[] = []) =>
    void (await history.rows(sql, bindings as (string | number)[]));
  const create = (name: string, columns: readonly string[], clause = '') =>
    run(`create table ${name} (${columns.join(', ')})${suffix}${clause}`);
  const index = (table: string, name: string, columns: string) =>
    run(
      server === 'postgres'
        ? `create index on ${table} (${columns})`
        : `create index ${server === 'sqlite' ? `${table}_` : ''}${name} on ${table} (${columns})`,
    );

  await create('history_state', ['id integer not null primary key', 'daily integer not null']);
  await create('history_erasures', [
    'user_id bigint not null',
    `conversation_id ${key(255)} not null`,
    'erased_before bigint not null',
    'primary key (user_id, conversation_id)',
  ]);
  await create('history_conversations', [
    'user_id bigint not null',
    `conversation_id ${key(255)} not null`,
    ...['records', 'errors', 'total_tokens', 'first_at'].map((column) => `${column} bigint not null`),
    `first_id ${key(64)} not null`,
    `title ${key(255)} not null`,
    'last_at bigint not null',
    `last_id ${key(64)} not null`,
    `model ${key(255)} not null`,
    `character_id ${key(255)} not null`,
    'primary key (user_id, conversation_id)',
  ]);
  await index('history_conversations', 'by_last', 'user_id, last_at, conversation_id');
  await index('history_conversations', 'by_last_of_all', 'last_at, conversation_id');
  await index('history_conversations', 'by_first', 'first_at, user_id, conversation_id');
  await index('history_conversations', 'by_id', 'conversation_id');
  await create('history_buckets', [
    'user_id bigint not null',
    'start_ms bigint not null',
    `model ${key(255)} not null`,
    `character_id ${key(255)} not null`,
    `currency ${key(16)} not null`,
    ...sums.map((column) => `${column} bigint not null`),
    'primary key (user_id, start_ms, model, character_id, currency)',
  ]);
  await index('history_buckets', 'by_start', 'start_ms');

  const common = [
    `record_id ${key(64)} not null`,
    `conversation_id ${key(255)} not null`,
    'user_id bigint not null',
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
    'created_at bigint not null',
  ];
  const errors = [
    `error_code ${key(255)} not null`,
    `error_message ${text} not null`,
    `error_phase ${key(32)} not null`,
    `partial_text ${text} not null`,
  ];
  const namesOf = (columns: readonly string[]) => columns.map((column) => column.split(' ')[0]).join(', ');
  const primary = 'primary key (record_id, created_at)';
  const days = [...new Set(records.map(({ createdAt }) => dayOf(createdAt)))].sort();
  if (days.length === 0) days.push(dayOf(new Date()));
  for (const [name, columns] of [
    ['conversation_histories', common],
    ['error_conversation_histories', [...common, ...errors]],
  ] as const) {
    const table = async (own: string, clause = '') => {
      await create(own, [...columns, primary], clause);
      await index(own, 'by_user', 'user_id, conversation_id, created_at, record_id');
      await index(own, 'by_time', 'created_at, record_id');
    };
    const partition = (day: string) => `${name}_${suffixOf(day)}`;
    if (!isDaily) await table(name);
    else if (server === 'mariadb') {
      const parts = days.map(
        (day) => `partition ${partition(day)} values less than (${startOf(day) + dayMs})`,
      );
      await table(name, ` partition by range (created_at) (${parts.join(', ')})`);
    } else if (server === 'postgres') {
      await table(name, ' partition by range (created_at)');
      for (const day of days) {
        await run(`create table ${partition(day)} (like ${name} including all)`);
        const range = `from (${startOf(day)}) to (${startOf(day) + dayMs})`;
        await run(`alter table ${name} attach partition ${partition(day)} for values ${range}`);
      }
    } else {
      for (const day of days) await table(partition(day));
      const months = [...new Set(days.map((day) => suffixOf(day).slice(0, 7)))];
      const union = (tables: readonly string[]) =>
        tables.map((one) => `select ${namesOf(columns)} from ${one}`).join(' union all ');
      for (const month of months) {
        const own = days.filter((day) => suffixOf(day).startsWith(month)).map(partition);
        await run(`create view ${name}_part_${month} as ${union(own)}`);
      }
      await run(`create view ${name} as ${union(months.map((month) => `${name}_part_${month}`))}`);
    }
  }
  await run(`insert into history_state (id, daily) values (1, ${isDaily ? 1 : 0})`);

  const insert = async (table: string, columns: string, rows: readonly Values[]) => {
    for (let done = 0; done < rows.length; done += 100) {
      const some = rows.slice(done, done + 100);
      const marks = some.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
      await run(`insert into ${table} (${columns}) values ${marks}`, some.flat());
    }
  };
  const rowsOf = new Map<string, Values[]>();
  for (const record of records) {
    const kind = record.error === null ? 'conversation_histories' : 'error_conversation_histories';
    const own = server === 'sqlite' && isDaily ? `${kind}_${suffixOf(dayOf(record.createdAt))}` : kind;
    rowsOf.set(own, [...(rowsOf.get(own) ?? []), toValues(record)]);
  }
  for (const [table, rows] of rowsOf)
    await insert(table, namesOf(table.startsWith('error_') ? [...common, ...errors] : common), rows);
  for (const { formerUserId, conversationId, before } of erasures) {
    await run('insert into history_erasures (user_id, conversation_id, erased_before) values (?, ?, ?)', [
      formerUserId,
      conversationId,
      before.getTime(),
    ]);
  }
  const buckets = bucketsOf(
    records.map((record) => ({ ...record, userDocumentId: String(record.formerUserId) })),
    'everybody',
  );
  // That version also stored sums per user, which the conversion ignores. One such row is enough here.
  const toRow = (userId: number) => (bucket: (typeof buckets)[number]) => [
    userId,
    bucket.startMs,
    bucket.model,
    bucket.characterId ?? '',
    bucket.currency,
    bucket.records,
    bucket.errors,
    bucket.promptTokens,
    bucket.completionTokens,
    bucket.totalTokens,
    bucket.priceNanos,
  ];
  await insert(
    'history_buckets',
    ['user_id', 'start_ms', 'model', 'character_id', 'currency', ...sums].join(', '),
    [...buckets.map(toRow(0)), ...buckets.slice(0, 1).map(toRow(1))],
  );
  await run(
    `insert into history_conversations (user_id, conversation_id, records, errors, total_tokens, first_at, first_id,
       title, last_at, last_id, model, character_id) values (1, 'session-1', 1, 0, 1, 1, '', '', 1, '', '', '')`,
  );
}

type Values = readonly (string | number | null)[];

function toValues(record: NumberedRecord): Values {
  const { usage, error } = record;
  return [
    record.recordId,
    record.conversationId,
    record.formerUserId,
    record.characterId,
    record.tokenId,
    record.channelId,
    record.model,
    JSON.stringify(record.messages),
    record.response === null ? null : JSON.stringify(record.response),
    usage.promptTokens,
    usage.completionTokens,
    usage.totalTokens,
    usage.priceNanos,
    usage.currency,
    record.latencyMs,
    record.createdAt.getTime(),
    ...(error === null ? [] : [error.code, error.message, error.phase, error.partialText]),
  ];
}
