import { setTimeout as pause } from 'node:timers/promises';

import type { Knex } from 'knex';

import { retry } from '../../chat/shared/retry';
export type Kind = 'sqlite' | 'postgres' | 'mysql';
export type Row = Readonly<Record<string, unknown>>;
export type Binding = string | number | null;

/**
 * Runs SQL that only this folder writes, with all values as bindings. The SQL of the three databases differs in words,
 * not in meaning.
 */
export interface Statements {
  readonly kind: Kind;
  all(sql: string, bindings?: readonly Binding[]): Promise<readonly Row[]>;
  /** @returns how many rows it changed. */
  run(sql: string, bindings?: readonly Binding[]): Promise<number>;
}

export interface Database extends Statements {
  /** Runs a transaction. May run `work` again after a conflict, so `work` must not keep state between runs. */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T>;
  /**
   * Runs several reads on one state, even if a table is dropped in between. Only SQLite needs it: others read in one
   * step.
   */
  snapshot<T>(read: (statements: Statements) => Promise<T>): Promise<T>;
  /** Pauses between two of many transactions, so that other work gets its turn, also in other processes. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

/** For how long to retry a transaction that conflicts with others. */
const givingWayMs = 30_000;
const restMs = 5;

export function createDatabase(knex: Knex, kind: Kind): Database {
  const statements = statementsOf(knex, kind);
  return {
    ...statements,
    snapshot: (read) =>
      kind === 'sqlite'
        ? knex.transaction((transaction) => read(statementsOf(transaction, kind)))
        : read(statements),
    transaction: (work) =>
      retry(() => knex.transaction((transaction) => work(statementsOf(transaction, kind))), {
        pauseMs: () => 5 + Math.random() * 20,
        forMs: givingWayMs,
        isRetryable: gaveWay,
      }),
    rest: () => pause(restMs),
    close: () => knex.destroy(),
  };
}

/** Returns true if another process holds the file (SQLite), or for a deadlock (the others). */
function gaveWay(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^(SQLITE_(BUSY|LOCKED).*|ER_LOCK_DEADLOCK|40P01)$/u.test(code);
}

function statementsOf(knex: Knex, kind: Kind): Statements {
  const send = async (sql: string, bindings: readonly Binding[] = []): Promise<unknown> =>
    knex.raw(sql, bindings);
  return {
    kind,
    all: async (sql, bindings) => rowsOf(await send(sql, bindings)),
    run: async (sql, bindings) => changesOf(await send(sql, bindings)),
  };
}

/** better-sqlite3 returns rows. mysql2 returns rows and fields. pg returns an object with rows. */
function rowsOf(result: unknown): readonly Row[] {
  if (Array.isArray(result)) return (Array.isArray(result[0]) ? result[0] : result) as Row[];
  const { rows } = result as { rows?: unknown };
  return Array.isArray(rows) ? (rows as Row[]) : [];
}

function changesOf(result: unknown): number {
  const { changes, rowCount, affectedRows } = (Array.isArray(result) ? result[0] : result) as {
    readonly changes?: number;
    readonly rowCount?: number | null;
    readonly affectedRows?: number;
  };
  return changes ?? rowCount ?? affectedRows ?? 0;
}

/** `?, ?, ?` */
export function marks(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}

/** Returns `(?, ?), (?, ?)`, a list of tuples for `in`. SQLite accepts such a list only after `values`. */
export function tuples(kind: Kind, count: number, width: number): string {
  const list = Array.from({ length: count }, () => `(${marks(width)})`).join(', ');
  return kind === 'sqlite' ? `values ${list}` : list;
}

/** Returns the SQL for the value that an upsert would have inserted. */
export function incoming(kind: Kind, column: string): string {
  return kind === 'mysql' ? `values(${column})` : `excluded.${column}`;
}

export function onConflict(kind: Kind, keys: readonly string[]): string {
  return kind === 'mysql' ? 'on duplicate key update' : `on conflict (${keys.join(', ')}) do update set`;
}

export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
