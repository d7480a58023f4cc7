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
  /** How `pg` connects to the server itself, and not to a pooler in front of it. */
  readonly connection: Readonly<Record<string, unknown>>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** How long a pool that has no connection is waited for. */
const renamingMs = 500;

/**
 * An advisory lock of a session, on a connection of its own. The server frees it when the connection ends: at once where
 * the process died, as its machine then closes the connection.
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

  /** Others take this process for dead soon. Each time, for a turn may just have begun in its name. */
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
