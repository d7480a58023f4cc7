import { setTimeout as pause } from 'node:timers/promises';

import { describeError, settledWithin, type Log } from '../../chat';
import {
  connectDirectly,
  endQuietly,
  PoolerError,
  type DirectConnection,
  type PostgresDriver,
} from './postgres-direct';
import { isAdvisory, keyOf, keyOfLock } from './postgres-lock-key';
import { leasesDecide } from './process-lock';

export interface LockSessionOptions {
  readonly driver: PostgresDriver;
  /** Settings for the driver's connection to the server. */
  readonly connection: Readonly<Record<string, unknown>>;
  /** The name of the process. */
  readonly name: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Called after each failed try to take the lock again. Must never reject. */
  readonly onNotTaken: () => Promise<void>;
}

/** A connection that holds the lock of a process. */
export interface LockSession {
  /** See `ProcessLock.take`. After this call, a lost lock is always taken again. */
  take(): Promise<void>;
  isHeld(): boolean;
  release(): Promise<void>;
}

/** The check also keeps firewalls from dropping an idle connection. */
const checkEveryMs = 1_000;
const retryEveryMs = 500;
const answerTimeoutMs = 2_000;

export function createLockSession(options: LockSessionOptions): LockSession {
  const { name, log, onNotTaken } = options;
  let session: DirectConnection | null = null;
  let isReleased = false;

  return { take, isHeld: () => session !== null, release };

  async function take(): Promise<void> {
    try {
      await hold();
    } catch (error) {
      warn(error);
      if (!(error instanceof PoolerError)) void retry();
    }
  }

  async function hold(): Promise<void> {
    const connection = await connect(options, (broken) => void lose(broken));
    if (isReleased) return endQuietly(connection);
    session = connection;
    void watch(connection);
  }

  async function watch(connection: DirectConnection): Promise<void> {
    do {
      await pause(checkEveryMs, undefined, { ref: false });
      if (session !== connection) return;
    } while (await holdsLock(connection, name));
    await lose(connection);
  }

  async function lose(connection: DirectConnection): Promise<void> {
    if (session !== connection) return;
    session = null;
    endQuietly(connection);
    log.warn('Lost the lock that shows other processes that this one is alive. Taking it again.');
    await retry();
  }

  async function retry(): Promise<void> {
    while (!isReleased) {
      try {
        await hold();
        log.info('Holding the lock that shows other processes that this one is alive.');
        return;
      } catch (error) {
        if (error instanceof PoolerError) return warn(error);
        await onNotTaken();
      }
      await pause(retryEveryMs, undefined, { ref: false });
    }
  }

  async function release(): Promise<void> {
    isReleased = true;
    const connection = session;
    session = null;
    if (connection !== null) await settledWithin(answerTimeoutMs, connection.end().catch(ignore));
  }

  function warn(error: unknown): void {
    log.warn(
      error instanceof PoolerError
        ? `A pooler such as PgBouncer is in front of PostgreSQL and cannot hold a lock for long. ${leasesDecide} ` +
            'Set DATABASE_DIRECT_URL to the address of the server itself.'
        : `No lock can be held in the database yet: ${describeError(error)}. ${leasesDecide}`,
    );
  }
}

/** Connects and takes the lock. @returns the connection that holds it. @throws the reason why it cannot. */
async function connect(
  { driver, connection: settings, name }: LockSessionOptions,
  onBroken: (connection: DirectConnection) => void,
): Promise<DirectConnection> {
  const connection = await connectDirectly({
    driver,
    connection: settings,
    applicationName: 'character-chat lock',
    queryTimeoutMs: answerTimeoutMs,
    onBroken,
  });
  try {
    const { rows } = await connection.query('select pg_try_advisory_lock($1) as is_held', [keyOf(name)]);
    const [{ is_held: isHeld }] = rows as [{ readonly is_held: boolean }];
    // The server has not noticed yet that the previous connection is broken.
    if (!isHeld) throw new Error('The previous connection still holds the lock.');
    return connection;
  } catch (error) {
    endQuietly(connection);
    throw error;
  }
}

async function holdsLock(connection: DirectConnection, name: string): Promise<boolean> {
  const sql = `select 1 from pg_locks where ${isAdvisory} and ${keyOfLock} = $1 and pid = pg_backend_pid()`;
  return connection.query(sql, [keyOf(name)]).then(
    ({ rows }) => rows.length > 0,
    () => false,
  );
}

function ignore(): void {}
