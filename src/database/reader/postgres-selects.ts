import { setTimeout as pause } from 'node:timers/promises';
import type { Core } from '@strapi/strapi';

import { ChatError } from '../../chat';
import type { Selects } from './selects';
import { onConnection, type Session, type Value } from '../sql/statements';

/** Of a statement that was cancelled, by us or by its timeout. */
const cancelled = '57014';
/** A cancellation that comes before the server has begun the statement is lost: then the next one ends it. */
const cancelAgainMs = 50;

/** Selects on connections of Strapi's pool, each of which the server ends after `timeoutMs`. */
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
 * Has the server cancel what `work` queries when `signal` fires. Settles when no cancellation is under way any more: it would
 * hit the next statement of this connection, which is somebody else's.
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
