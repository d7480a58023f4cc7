import { describeError, type Log } from '../../chat';
import { connectDirectly, endQuietly, PoolerError, type PostgresDriver } from './postgres-direct';
import { keyOf } from './postgres-lock-key';

export interface StartLockOptions {
  readonly driver: PostgresDriver;
  /** Settings of `pg` for a direct connection to the server, not through a pooler. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

const waitAtMostMs = 300_000;
const sayAfterMs = 2_000;

/**
 * Takes a lock that lets only one process at a time update the tables.
 * Strapi does not check whether another process has just added a column. The second process then fails to start.
 * Never rejects: a process that cannot take the lock starts without it.
 * @returns a function that releases the lock.
 */
export async function takeStartLock({ driver, connection, log }: StartLockOptions): Promise<() => void> {
  const waiting = setTimeout(() => log.info('Waiting for another process that is starting.'), sayAfterMs);
  try {
    const held = await connectDirectly({
      driver,
      connection,
      applicationName: 'character-chat start',
      queryTimeoutMs: waitAtMostMs,
    });
    const release = () => endQuietly(held);
    await held.query('select pg_advisory_lock($1)', [keyOf('start')]).catch((error: unknown) => {
      release();
      throw error;
    });
    return release;
  } catch (error) {
    // The process lock already logs a warning about a pooler.
    if (!(error instanceof PoolerError)) {
      log.warn(
        `Starting without the start lock: ${describeError(error)}. After an update, start one process at a time.`,
      );
    }
    return () => undefined;
  } finally {
    clearTimeout(waiting);
  }
}
