/** A connection of `pg` outside the pool. It can hold a session-level lock. */
export interface DirectConnection {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  end(): Promise<void>;
}

export interface DirectOptions {
  readonly driver: PostgresDriver;
  /** Settings for a direct connection to the server, not through a pooler. */
  readonly connection: Readonly<Record<string, unknown>>;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly queryTimeoutMs: number;
  /** Called when the connection is lost or ended. */
  readonly onBroken?: (connection: DirectConnection) => void;
}

/** The part of `pg` that this file uses. */
export interface PostgresDriver {
  readonly Client: new (settings: Readonly<Record<string, unknown>>) => DriverClient;
}

interface DriverClient extends DirectConnection {
  /** The process id that the server sent for this connection. */
  readonly processID: number | null;
  connect(): Promise<unknown>;
  on(event: 'error' | 'end', listener: () => void): unknown;
}

/** A connection through a pooler cannot hold a lock, because the next statement may use another server session. */
export class PoolerError extends Error {}

const connectTimeoutMs = 2_000;

/**
 * Keep-alive settings in seconds. PostgreSQL drops the connection of a silent machine, whose lock would stay for hours.
 * The leases of its turns have expired by then, because a network failure looks the same.
 */
const serverKeepAlive =
  'set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3';

/** Connects to the server. @throws PoolerError, or the reason why it cannot connect. */
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
    // A pooler sends its clients another process id.
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
