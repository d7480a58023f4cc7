import { describeError, type Log } from '../../chat';
import { connectDirectly, endQuietly, PoolerError, type PostgresDriver } from './postgres-direct';
import { keyOf } from './postgres-lock-key';

export interface StartLockOptions {
  readonly driver: PostgresDriver;
  /** How `pg` connects to the server itself, and not to a pooler in front of it. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

const waitAtMostMs = 300_000;
const sayAfterMs = 2_000;

/**
 * Lets one process at a time bring the tables up to date. Strapi adds a column without asking whether another process
 * has just added it, and the second then fails to start.
 * @returns how to give the lock back. Never rejects: a process that cannot take the lock starts without it.
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
    // The lock of the running process warns of a pooler.
    if (!(error instanceof PoolerError)) {
      log.warn(
        `Starts without its lock: ${describeError(error)}. Start one process at a time after an update.`,
      );
    }
    return () => undefined;
  } finally {
    clearTimeout(waiting);
  }
}
