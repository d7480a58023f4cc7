/** A connection of `pg` beside the pool, on which a lock of a session can be held. */
export interface DirectConnection {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  end(): Promise<void>;
}

export interface DirectOptions {
  readonly driver: PostgresDriver;
  /** How the driver connects to the server itself, and not to a pooler in front of it. */
  readonly connection: Readonly<Record<string, unknown>>;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly queryTimeoutMs: number;
  /** Called when the connection is lost or ended. */
  readonly onBroken?: (connection: DirectConnection) => void;
}

/** What `pg` is, as far as it is needed here. */
export interface PostgresDriver {
  readonly Client: new (settings: Readonly<Record<string, unknown>>) => DriverClient;
}

interface DriverClient extends DirectConnection {
  /** What the server has called its process for this connection. */
  readonly processID: number | null;
  connect(): Promise<unknown>;
  on(event: 'error' | 'end', listener: () => void): unknown;
}

/** No connection through a pooler can hold a lock: the next statement may go to another session of the server. */
export class PoolerError extends Error {}

const connectTimeoutMs = 2_000;

/**
 * Seconds. The server gives up a machine that went silent, whose lock would be held for hours. By then the leases of its
 * turns are over: a break in the network looks the same.
 */
const serverKeepAlive =
  'set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3';

/** @throws PoolerError, or why there is no connection. */
export async function connectDirectly(options: DirectOptions): Promise<DirectConnection> {
  const client = new options.driver.Client({
    ...options.connection,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: options.queryTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const broken = () => options.onBroken?.(client);
  client.on('error', broken);
  client.on('end', broken);
  try {
    await client.connect();
    const [{ pid }] = (await client.query('select pg_backend_pid() as pid')).rows as [{ pid: number }];
    // A pooler shows its clients a number of its own.
    if (pid !== client.processID) throw new PoolerError('a pooler');
    await client.query(serverKeepAlive);
    return client;
  } catch (error) {
    endQuietly(client);
    throw error;
  }
}

export function endQuietly(connection: DirectConnection): void {
  connection.end().catch(ignore);
}

function ignore(): void {}
