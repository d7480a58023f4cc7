import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { ChatError, createFairQueue, withDeadline } from '../../chat';
import { createPostgresSelects } from './postgres-selects';
import { createSqliteSelects } from './sqlite-selects';

/** What may look through many rows, read so that nobody waits for it who does something else. */
export interface Reader {
  /**
   * Reads when it is this user's turn. It sees what was committed before, and no transaction.
   * @throws ChatError `read-timeout`, `too-many-reads`, `database-unavailable`, `server-stopping`; or the reason of `signal`.
   */
  rows<Row>(
    owner: { readonly id: number },
    select: Knex.QueryBuilder,
    options?: ReadOptions,
  ): Promise<readonly Row[]>;
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  /**
   * The column by which SQLite asks at each row whether it is to go on (`m.id`): a statement without ends by itself. Not for
   * what an index tells alone.
   */
  readonly interruptedAt?: string;
}

export interface ReaderOptions {
  /** Selects of all users that run at the same time; null for what suits the database. */
  readonly selectsAtOnce: number | null;
  /** How long one may take, waiting included. */
  readonly timeoutMs: number;
}

/** Selects of one user that wait, before the next is refused. */
const maxWaiting = 100;
/** Threads of SQLite, so that a short select does not wait for a long one. */
const sqliteThreads = 2;

export function createReader(db: Core.Strapi['db'], { selectsAtOnce, timeoutMs }: ReaderOptions): Reader {
  const isSqlite = db.dialect.client === 'sqlite';
  const total = isSqlite ? (selectsAtOnce ?? sqliteThreads) : shareOf(poolSizeOf(db), selectsAtOnce);
  const selects = isSqlite ? createSqliteSelects(db, total) : createPostgresSelects(db, timeoutMs);
  const queue = createFairQueue({
    total,
    // One user's long selects leave room for another's.
    each: Math.max(1, total - 1),
    waitingEach: maxWaiting,
    refuse: () => new ChatError('too-many-reads'),
  });
  return {
    rows: <Row>(owner: { readonly id: number }, select: Knex.QueryBuilder, options: ReadOptions = {}) => {
      const { signal, interruptedAt } = options;
      const deadline = { ms: timeoutMs, signal, tooLate: () => new ChatError('read-timeout') };
      return withDeadline(deadline, async (inTime) => {
        const leave = await queue.enter(owner.id, inTime);
        try {
          inTime.throwIfAborted();
          return (await selects.run(select, inTime, interruptedAt)) as readonly Row[];
        } finally {
          leave();
        }
      });
    },
    close: () => selects.close(),
  };
}

/** Connections for selects: a third of the pool, and never all of it if there are two. */
function shareOf(poolSize: number, wanted: number | null): number {
  const share = wanted ?? Math.floor(poolSize / 3);
  return Math.max(1, Math.min(share, poolSize - 1));
}

function poolSizeOf(db: Core.Strapi['db']): number {
  const { pool } = db.connection.client as { readonly pool: { readonly max: number } };
  return pool.max;
}
