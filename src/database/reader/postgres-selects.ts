import { setTimeout as pause } from 'node:timers/promises';
import type { Core } from '@strapi/strapi';

import { ChatError } from '../../chat';
import type { Selects } from './selects';
import { onConnection, type Session, type Value } from '../sql/statements';

/** The error code of a statement that was cancelled by a request or by its timeout. */
const cancelled = '57014';
/** The server ignores a cancellation that arrives before the statement starts. So it is sent again at this interval. */
const cancelAgainMs = 50;

/** Runs selects on connections of Strapi's pool. PostgreSQL ends each one after `timeoutMs`. */
export function createPostgresSelects(db: Core.Strapi['db'], timeoutMs: number): Selects {
  return {
    async run(select, signal) {
      const { sql, bindings } = select.toSQL();
      try {
        return await onConnection(db, (session) =>
          cancelledBy(signal, session, async (query) => {
            // One message to the server.
            await query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${timeoutMs}`);
            const rows = await query(sql, bindings as readonly Value[]);
            await query('COMMIT');
            return rows;
          }),
        );
      } catch (error) {
        signal.throwIfAborted();
        if ((error as { readonly code?: unknown }).code !== cancelled) throw error;
        throw new ChatError('read-timeout', { cause: error });
      }
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Runs `work`, and asks PostgreSQL to cancel its queries when `signal` fires.
 * Settles only when no cancellation is in flight. A late one would cancel the next user's statement on this connection.
 */
async function cancelledBy<T>(
  signal: AbortSignal,
  { query, cancel }: Session,
  work: (query: Session['query']) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  let cancelling: Promise<void> | undefined;
  const cancelUntilOver = async () => {
    while (!over.signal.aborted) {
      await cancel();
      await pause(cancelAgainMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };
  const leave = () => {
    cancelling = cancelUntilOver();
  };
  signal.addEventListener('abort', leave);
  try {
    return await work((sql, bindings) => {
      signal.throwIfAborted();
      return query(sql, bindings);
    });
  } finally {
    signal.removeEventListener('abort', leave);
    over.abort();
    await cancelling;
  }
}
