import { randomUUID } from 'node:crypto';
import type { Core } from '@strapi/strapi';

import { settledWithin, type Log } from '../../chat';
import { isPending } from '../sql/is-pending';
import type { PostgresDriver } from './postgres-direct';
import { createHolderWatch } from './postgres-lock-holders';
import { createLockSession } from './postgres-lock-session';
import type { ProcessLock } from './process-lock';

export interface PostgresLockOptions {
  readonly db: Core.Strapi['db'];
  /** Settings of `pg` for a direct connection to the server, not through a pooler. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** How long to wait for a pool that has no free connection. */
const renamingMs = 500;

/**
 * Creates a process lock: a session-level advisory lock on its own connection.
 * PostgreSQL frees the lock when the connection ends.
 * If the process dies, its machine closes the connection immediately.
 */
export function createPostgresLock({ db, connection, log }: PostgresLockOptions): ProcessLock {
  const name = randomUUID();
  const { driver } = db.connection.client as { readonly driver: PostgresDriver };
  const session = createLockSession({ driver, connection, name, log, onNotTaken: letLeasesDecide });
  return {
    take: session.take,
    holder: () => (session.isHeld() ? name : null),
    inspect: createHolderWatch(db, name),
    tidy: async () => undefined,
    release: session.release,
  };

  /**
   * Removes the holder's name from pending turns, because other processes will soon consider this process dead.
   * Runs after each failed try, because a turn may just have begun with that name.
   */
  async function letLeasesDecide(): Promise<void> {
    const renaming = db
      .connection('chat_conversations')
      .whereRaw(isPending)
      .where({ held_by: name })
      .update({ held_by: null });
    await settledWithin(
      renamingMs,
      Promise.resolve(renaming).catch(() => undefined),
    );
  }
}
