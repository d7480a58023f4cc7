import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { ChatError, createFairQueue, withDeadline } from '../../chat';
import { createPostgresSelects } from './postgres-selects';
import { createSqliteSelects } from './sqlite-selects';

/** Runs selects that can read many rows, so that they do not block other work. */
export interface Reader {
  /**
   * Waits in the user's queue, then reads. It sees only committed rows, also inside a caller's transaction.
   * @throws ChatError `read-timeout`, `too-many-reads`, `database-unavailable`, `server-stopping`.
   *   Also throws the reason of `signal`.
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
   * A column such as `m.id`. SQLite passes it to a function for each row, which can interrupt the select.
   * A select without it always runs to its end.
   * Do not set it for a select that only an index answers, because SQLite would then read the rows too.
   */
  readonly interruptedAt?: string;
}

export interface ReaderOptions {
  /** How many selects of all users run at the same time. Null uses the default of the database. */
  readonly selectsAtOnce: number | null;
  /** How long a select may take, in milliseconds, with the time in the queue. */
  readonly timeoutMs: number;
}

/** How many selects of one user can wait. The server refuses the next one. */
const maxWaiting = 100;
/** The number of SQLite threads. With two, a short select does not wait for a long one. */
const sqliteThreads = 2;

export function createReader(db: Core.Strapi['db'], { selectsAtOnce, timeoutMs }: ReaderOptions): Reader {
  const isSqlite = db.dialect.client === 'sqlite';
  const total = isSqlite ? (selectsAtOnce ?? sqliteThreads) : shareOf(poolSizeOf(db), selectsAtOnce);
  const selects = isSqlite ? createSqliteSelects(db, total) : createPostgresSelects(db, timeoutMs);
  const queue = createFairQueue<number>({
    total,
    // One user cannot fill all places, so other users can still read.
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

/** Returns how many connections selects may use. The default is a third. A pool of two or more keeps one free. */
function shareOf(poolSize: number, wanted: number | null): number {
  const share = wanted ?? Math.floor(poolSize / 3);
  return Math.max(1, Math.min(share, poolSize - 1));
}

function poolSizeOf(db: Core.Strapi['db']): number {
  const { pool } = db.connection.client as { readonly pool: { readonly max: number } };
  return pool.max;
}
