import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

/*
 * Saves the query builders and transaction objects of knex: three updates and their commit take 34 µs instead of 160 µs.
 * Measured in a loop on SQLite with everything warm. A turn has at least two such transactions.
 * Delete it when a transaction of knex with raw statements costs no more than this.
 */

export type Value = string | number | boolean | Date | null;

/** A statement. Its text has one `?` for each value. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Runs a statement. @returns its rows, or an empty list if it returns no rows. */
export type RunStatement = <Row = never>(statement: Statement) => Promise<readonly Row[]>;

/**
 * Returns a function that runs statements through knex.
 * @param knex a transaction of Strapi, or its database. On the database, each statement is its own transaction.
 */
export function statementsOf(knex: Knex): RunStatement {
  return async <Row>({ sql, values }: Statement) =>
    toRows<Row>(await knex.raw(sql, values as readonly Knex.Value[]));
}

/** The part of knex's client that this file uses. */
interface Client {
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
  query(connection: Connection, query: DriverQuery): Promise<{ response: unknown }>;
  /** PostgreSQL only. knex opens another connection for it. */
  cancelQuery(connection: Connection): Promise<void>;
}

interface Connection {
  /** If this is set, the pool discards the connection. */
  __knex__disposed?: unknown;
}

interface DriverQuery {
  readonly sql: string;
  readonly bindings: readonly Value[];
  /** PostgreSQL prepares the query once per connection under this name. */
  readonly options?: { readonly name: string };
}

/** Passes one query to the driver unchanged, on a connection of Strapi's pool. @returns the driver's response. */
export async function queryDriver(db: Core.Strapi['db'], query: DriverQuery): Promise<unknown> {
  const client = db.connection.client as Client;
  const connection = await client.acquireConnection();
  try {
    return (await client.query(connection, query)).response;
  } finally {
    await client.releaseConnection(connection);
  }
}

/** A connection of the pool. It is valid only while `use` of `onConnection` runs. */
export interface Session {
  /** Runs a query that has one `?` for each binding. @returns its rows, or an empty list if it returns no rows. */
  query(sql: string, bindings?: readonly Value[]): Promise<readonly unknown[]>;
  /** Asks the PostgreSQL server to cancel the running query. Never rejects. Settles when the server has the request. */
  cancel(): Promise<void>;
}

/** Runs `use` with a connection of Strapi's pool. If `use` throws, the open transaction is rolled back. */
export async function onConnection<T>(
  db: Core.Strapi['db'],
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const client = db.connection.client as Client;
  const connection = await client.acquireConnection();
  const query = async (sql: string, bindings: readonly Value[] = []) =>
    toRows((await client.query(connection, { sql, bindings })).response);
  const cancel = () => client.cancelQuery(connection).catch(() => undefined);
  try {
    return await use({ query, cancel });
  } catch (error) {
    // This is also needed after a failed COMMIT: a busy SQLite keeps the transaction open.
    await query('ROLLBACK').catch((failure: unknown) => {
      connection.__knex__disposed = failure;
    });
    throw error;
  } finally {
    await client.releaseConnection(connection);
  }
}

/**
 * Runs statements of SQL text in one transaction, on a connection of Strapi's pool.
 * Each turn uses this. knex's own transaction creates a query builder each time, which costs four times as much.
 * `run` must await everything and must not use `db`, because SQLite has no second connection.
 * @param lockTimeoutMs how long a statement waits for a row that another transaction has locked; PostgreSQL only.
 * @throws the error of `run`, or the error of the commit.
 */
export function inStatements<T>(
  db: Core.Strapi['db'],
  run: (statement: RunStatement) => Promise<T>,
  lockTimeoutMs?: number,
): Promise<T> {
  const isBounded = lockTimeoutMs !== undefined && db.dialect.client === 'postgres';
  return onConnection(db, async ({ query }) => {
    // One message to the server. `BEGIN;` is exactly knex's text, which SQLite connections turn into an immediate lock.
    await query(isBounded ? `BEGIN; SET LOCAL lock_timeout = ${lockTimeoutMs}` : 'BEGIN;');
    const result = await run(
      async <Row>({ sql, values }: Statement) => (await query(sql, values)) as readonly Row[],
    );
    await query('COMMIT');
    return result;
  });
}

/**
 * Returns the rows of a driver's response. better-sqlite3 returns rows or a summary of changes.
 * `pg` returns an object with rows, or a list of such objects for several statements.
 */
function toRows<Row>(response: unknown): readonly Row[] {
  const rows: unknown = Array.isArray(response)
    ? response
    : (response as { readonly rows?: unknown } | null | undefined)?.rows;
  return Array.isArray(rows) ? (rows as Row[]) : [];
}
