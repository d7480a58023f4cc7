import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

export type Value = string | number | boolean | Date | null;

/** With a `?` for each of its values. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** @returns the rows it returns, none if it returns no rows. */
export type RunStatement = <Row = never>(statement: Statement) => Promise<readonly Row[]>;

/** @param knex a transaction of Strapi's, or its database: then each statement is a transaction of its own. */
export function statementsOf(knex: Knex): RunStatement {
  return async <Row>({ sql, values }: Statement) =>
    toRows<Row>(await knex.raw(sql, values as readonly Knex.Value[]));
}

/** What knex has of a database, as far as it is needed here. */
interface Client {
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
  query(connection: Connection, query: DriverQuery): Promise<{ response: unknown }>;
  /** PostgreSQL only: by another connection, which is opened for it. */
  cancelQuery(connection: Connection): Promise<void>;
}

interface Connection {
  /** Set, it has the pool throw the connection away. */
  __knex__disposed?: unknown;
}

interface DriverQuery {
  readonly sql: string;
  readonly bindings: readonly Value[];
  /** PostgreSQL prepares it once for a connection, under that name. */
  readonly options?: { readonly name: string };
}

/** One query that the driver takes as it is, on a connection of Strapi's pool. @returns what the driver answers. */
export async function queryDriver(db: Core.Strapi['db'], query: DriverQuery): Promise<unknown> {
  const client = db.connection.client as Client;
  const connection = await client.acquireConnection();
  try {
    return (await client.query(connection, query)).response;
  } finally {
    await client.releaseConnection(connection);
  }
}

/** A connection of the pool, for as long as it is used. */
export interface Session {
  /** With a `?` for each binding. @returns the rows, none if it returns no rows. */
  query(sql: string, bindings?: readonly Value[]): Promise<readonly unknown[]>;
  /** PostgreSQL: has the server end the query that runs. Never rejects; when it settles, the server knows. */
  cancel(): Promise<void>;
}

/** Uses a connection of Strapi's pool. Where `use` throws, what it has begun is rolled back. */
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
    // Also where COMMIT failed: SQLite keeps the transaction open when it is busy.
    await query('ROLLBACK').catch((failure: unknown) => {
      connection.__knex__disposed = failure;
    });
    throw error;
  } finally {
    await client.releaseConnection(connection);
  }
}

/**
 * A transaction of statements that are written out, on a connection of Strapi's pool: what `run` does happens whole or
 * not at all. For what each turn does: knex's own transaction makes a query builder each time, and costs four times as
 * much. Await everything in `run`, and use nothing of `db` in it: SQLite has no second connection.
 * @param lockTimeoutMs how long its statements wait for a row another transaction holds; PostgreSQL only.
 * @throws what `run` threw, or why it could not be committed.
 */
export function inStatements<T>(
  db: Core.Strapi['db'],
  run: (statement: RunStatement) => Promise<T>,
  lockTimeoutMs?: number,
): Promise<T> {
  const isBounded = lockTimeoutMs !== undefined && db.dialect.client === 'postgres';
  return onConnection(db, async ({ query }) => {
    // One message to the server. The text alone is knex's own, by which SQLite is told to take the lock at once.
    await query(isBounded ? `BEGIN; SET LOCAL lock_timeout = ${lockTimeoutMs}` : 'BEGIN;');
    const result = await run(
      async <Row>({ sql, values }: Statement) => (await query(sql, values)) as readonly Row[],
    );
    await query('COMMIT');
    return result;
  });
}

/** better-sqlite3 gives the rows, or what has changed; `pg` an object that has them, or several of several statements. */
function toRows<Row>(response: unknown): readonly Row[] {
  const rows: unknown = Array.isArray(response)
    ? response
    : (response as { readonly rows?: unknown } | null | undefined)?.rows;
  return Array.isArray(rows) ? (rows as Row[]) : [];
}
