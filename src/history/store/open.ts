import { existsSync } from 'node:fs';
import { emitWarning } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';

import { doubling, retry } from '../../chat/shared/retry';
import type { HistoryMaintenance } from '../model/maintenance';
import type { HistoryNaming } from '../naming/history-naming';
import type { HistoryStore } from '../model/store';
import type { HistoryStoreSettings } from '../settings';
import { HistoryProblem } from '../model/problem';
import { connect } from './connect';
import { addDailySums, convert, createIdentity } from './convert';
import type { Database, Statements } from './database';
import { addDays, isSameTimeZone } from '../calendar';
import { createDays } from './days';
import { countDays } from './operations/count-days';
import { erase } from './operations/erase';
import type { Layout } from './layout/layout';
import { createMysqlLayout } from './layout/mysql';
import { createPostgresLayout } from './layout/postgres';
import { createSqliteLayout } from './layout/sqlite';
import {
  assign,
  endNaming,
  listFormerErasures,
  listFormerUsers,
  listUnnamed,
  match,
  matchNumber,
} from './operations/naming';
import { createDroppedCheck, prepareDays, type DroppedCheck } from './operations/dropped';
import { describeProblem, isMissingTable, toProblem } from './errors';
import { prune } from './operations/prune';
import {
  countConversations,
  listBuckets,
  listConversations,
  listRecords,
  readBefore,
} from './operations/read';
import { dropEmptyPartitions, removeExactly } from './operations/remove-exactly';
import { save } from './operations/save';
import { readUsage } from './operations/usage';
import { textOf } from './rows';
import { alone, createSums } from './schema';
import { listPartitions, listSizes } from './sizes';

/** After a failed attempt to open, callers get the same error for this long, without another attempt. */
const retryOpeningMs = 1_000;
/**
 * Pause before the second attempt to migrate. Each attempt on a server copies all records, so the pauses double up to
 * the last value.
 */
const retryMigratingMs = 5_000;
const lastRetryMigratingMs = 3_600_000;
/** How long a call waits while the store opens. Rebuilding the tables of an older version can take minutes. */
const openingMs = 10_000;
/** Pause before work is repeated because a table has disappeared, and for how long it is repeated. */
const retryTablesMs = 50;
const retryTablesForMs = 5_000;
/** How long the end of the process may wait for the store. */
export const closingMs = 5_000;

const layouts = { sqlite: createSqliteLayout, postgres: createPostgresLayout, mysql: createMysqlLayout };

/** Receives messages about failures that no caller gets as a rejection. The messages are safe to log. */
export type Warn = (message: string) => void;

export const warnProcess: Warn = (message) => emitWarning(message);

export type Store = HistoryStore & HistoryMaintenance & HistoryNaming;

interface Open {
  readonly database: Database;
  readonly layout: Layout;
  readonly droppedCheck: DroppedCheck;
}

/**
 * Returns the store of the history. Its first use opens it; later uses retry until that succeeds. So a problem with it
 * never stops the start. Every method rejects only with `HistoryProblem`.
 *
 * @param settings the settings, or the problem that makes them unusable.
 */
export function openHistoryStore(
  settings: HistoryStoreSettings | HistoryProblem,
  warn: Warn = warnProcess,
): Store {
  const opening = createOpening(settings, warn);
  const use = async <T>(work: (open: Open) => Promise<T>): Promise<T> => {
    try {
      return await useTables(await opening.open(), work);
    } catch (error) {
      throw toProblem(error);
    }
  };
  return {
    save: (records) => use(async ({ database, layout }) => void (await save(database, layout, records))),
    restore: (records) => use(({ database, layout }) => save(database, layout, records)),
    listRecords: (scope, conversationId, page) =>
      use((open) => listRecords(open, scope, conversationId, page)),
    listConversations: (scope, page) => use(({ database }) => listConversations(database, scope, page)),
    listBuckets: (scope, from, to) => use(({ database }) => listBuckets(database, scope, from, to)),
    readUsage: (query) => use(({ database, layout }) => readUsage(database, layout.days, query)),
    countConversations: (scope) => use(({ database }) => countConversations(database, scope)),
    erase: (erasure) => use(({ database, layout }) => erase(database, layout, erasure)),
    prune: (beforeDay, signal) => use(({ database, layout }) => prune(database, layout, beforeDay, signal)),
    dayOf: (time) => use(async ({ layout }) => layout.days.of(time.getTime())),
    preparePartitions: (from, days) => use((open) => preparePartitions(open, from, days)),
    listSizes: () => use(({ database }) => listSizes(database)),
    listPartitions: () => use(({ database, layout }) => listPartitions(database, layout)),
    readBefore: (day, after, limit) =>
      use((open) => readBefore(open, open.layout.days.startOf(day), after, limit)),
    remove: (positions) => use((open) => removeExactly(open, positions)),
    dropEmptyPartitions: (beforeDay, signal) => use((open) => dropEmptyPartitions(open, beforeDay, signal)),
    migrated: () => use(() => opening.migrated()),
    identity: () => use(({ database }) => readIdentity(database)),
    async listUnnamed() {
      // While records move between tables, a reader of all of them can miss some.
      await use(() => opening.migrated());
      return use(listUnnamed);
    },
    match: (matches) => use((open) => match(open, matches)),
    matchNumber: (...args) => use((open) => matchNumber(open, ...args)),
    endNaming: () => use(({ database }) => endNaming(database)),
    listFormerUsers: () => use(({ database }) => listFormerUsers(database)),
    assign: (...args) => use((open) => assign(open, ...args)),
    listFormerErasures: (...args) => use(({ database }) => listFormerErasures(database, ...args)),
    close: () => opening.close(),
  };
}

/** Runs work on the tables. Repeats it if a table has disappeared, or is just being renamed. */
async function useTables<T>(open: Open, work: (open: Open) => Promise<T>): Promise<T> {
  let check = open.droppedCheck.inTime;
  const attempt = async () => {
    await check();
    check = open.droppedCheck.now;
    return work(open);
  };
  return retry(attempt, {
    pauseMs: () => retryTablesMs,
    forMs: retryTablesForMs,
    isRetryable: isMissingTable,
  });
}

async function preparePartitions(open: Open, from: Date, count: number): Promise<void> {
  const { days } = open.layout;
  const today = days.of(from.getTime());
  const wanted = Array.from({ length: count }, (_, index) => addDays(today, index));
  // A time zone can skip a day.
  await prepareDays(
    open,
    wanted.filter((day) => days.startOf(day) < days.endOf(day)),
  );
}

interface Opening {
  open(): Promise<Open>;
  migrated(): Promise<void>;
  close(): Promise<void>;
}

function createOpening(settings: HistoryStoreSettings | HistoryProblem, warn: Warn): Opening {
  const closing = new AbortController();
  let attempt: Promise<Open> | undefined;
  let failure: { readonly problem: HistoryProblem; readonly at: number } | undefined;
  let migration: Promise<void> | undefined;

  const start = async (): Promise<Open> => {
    if (settings instanceof HistoryProblem) throw settings;
    if (settings.mustExist === true) assertFile(settings.address);
    const database = connect(settings);
    const layout = layouts[database.kind](createDays(settings.timeZone));
    try {
      await createTables(database, layout, settings);
      await assertTimeZone(database, settings.timeZone);
    } catch (error) {
      await database.close();
      throw error;
    }
    const open = { database, layout, droppedCheck: createDroppedCheck({ database, layout }) };
    migration = migrate(open, settings.dailyPartitions, closing.signal, warn);
    return open;
  };

  return {
    async open() {
      if (closing.signal.aborted) throw new HistoryProblem('closed');
      if (failure !== undefined && Date.now() - failure.at < retryOpeningMs) throw failure.problem;
      attempt ??= start();
      try {
        return await within(openingMs, attempt);
      } catch (error) {
        if (isStillOpening(error)) throw error;
        attempt = undefined;
        failure = { problem: toProblem(error), at: Date.now() };
        throw failure.problem;
      }
    },
    migrated: async () => migration,
    async close() {
      closing.abort();
      const closed = async () => {
        const open = await attempt?.catch(() => undefined);
        await migration;
        await open?.database.close();
      };
      // A server may be copying a large table for this process. It undoes that when the connection closes with the
      // process.
      await Promise.race([closed(), pause(closingMs, undefined, { ref: false })]);
    },
  };
}

/** Waits at most `ms`. The work continues after the timeout, and the next use waits for it again. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const timeout = pause(ms, undefined, { ref: false, signal: over.signal }).then(
    () => Promise.reject(new HistoryProblem('opening')),
    () => work,
  );
  try {
    return await Promise.race([work, timeout]);
  } finally {
    over.abort();
  }
}

function isStillOpening(error: unknown): boolean {
  return error instanceof HistoryProblem && error.code === 'opening';
}

/** A connection to a missing file would create it. @throws HistoryProblem `no-history` */
function assertFile(address: HistoryStoreSettings['address']): void {
  if (address.kind === 'sqlite' && !existsSync(address.filename)) throw noHistory();
}

function noHistory(): HistoryProblem {
  const detail = 'Give the command the settings of the server, in the environment or in .env.';
  return new HistoryProblem('no-history', { detail });
}

async function createTables(
  database: Database,
  layout: Layout,
  { address, dailyPartitions, timeZone, mustExist = false }: HistoryStoreSettings,
): Promise<void> {
  const state = await readState(database);
  if (state === 'ready') return;
  if (state === 'by-number') await convert(database, layout);
  if (state !== 'missing') return addDailySums(database, layout);
  if (mustExist) {
    // This fails if the state is missing because the database cannot be reached.
    await database.all('select 1 as one');
    throw noHistory();
  }
  const schema = address.kind === 'postgres' ? address.schema : null;
  await alone(database, async (statements) => {
    if (schema !== null) await statements.run(`create schema if not exists ${quoted(schema)}`);
    await createSums(statements);
    // The row of state comes last: it proves that everything else exists.
    if ((await statements.all('select daily from history_state where id = 1')).length > 0) return;
    await layout.create(statements, dailyPartitions);
    await statements.run(
      'insert into history_state (id, daily, identity, unnamed, time_zone, uncounted_before) values (1, ?, ?, 0, ?, 0)',
      [dailyPartitions ? 1 : 0, createIdentity(), timeZone],
    );
  });
}

/** The tables of days would not fit together. @throws HistoryProblem `other-time-zone` */
async function assertTimeZone(statements: Statements, timeZone: string): Promise<void> {
  const [row] = await statements.all('select * from history_state where id = 1');
  const own = row?.['time_zone'] ?? 'UTC';
  if (!isSameTimeZone(textOf(own), timeZone)) throw new HistoryProblem('other-time-zone');
}

/**
 * `by-number`: a version that named users by number made the store, or its conversion is not finished.
 * `without-days`: a version without daily sums made it.
 */
async function readState(database: Database): Promise<'missing' | 'by-number' | 'without-days' | 'ready'> {
  try {
    const [row] = await database.all('select * from history_state where id = 1');
    if (row === undefined) return 'missing';
    if (typeof row['identity'] !== 'string') return 'by-number';
    return (row['uncounted_before'] ?? null) === null ? 'without-days' : 'ready';
  } catch {
    // The table or the database does not exist. Creating the tables shows which.
    return 'missing';
  }
}

async function readIdentity(statements: Statements): Promise<string> {
  const [row] = await statements.all('select identity from history_state where id = 1');
  return textOf(row?.['identity']);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Migrates in the background and retries until it succeeds. The store works meanwhile. */
async function migrate(open: Open, isDaily: boolean, signal: AbortSignal, warn: Warn): Promise<void> {
  const what = isDaily ? 'divided by days' : 'joined';
  const run = async () => {
    if (signal.aborted) return;
    await useTables(open, async ({ database, layout, droppedCheck }) => {
      // Joined tables would not show which days somebody has dropped.
      await droppedCheck.now();
      await countDays(database, layout, signal);
      await layout.migrate(database, isDaily, signal);
    });
  };
  await retry(run, {
    pauseMs: doubling(retryMigratingMs, lastRetryMigratingMs),
    signal,
    onFailed(error, { nextInMs }) {
      if (signal.aborted || nextInMs === undefined) return;
      const next = `It is tried again in ${nextInMs / 1_000} s.`;
      warn(`The tables of the history could not be ${what}: ${describeProblem(error)}. ${next}`);
    },
  }).catch(() => undefined);
}
