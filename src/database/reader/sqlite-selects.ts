import path from 'node:path';
import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { ChatError } from '../../chat';
import { createThreadCaller, ThreadProblem, type ThreadCaller } from '../../threads/caller';
import type { Selects } from './selects';

/** How long a thread may take to close. It ends its select first, if that can be interrupted. */
const closingMs = 5_000;

interface Slot {
  readonly thread: ThreadCaller;
  /** Not 0: the select that runs is to end. Shared, for the thread reads no message meanwhile. */
  readonly interrupt: Int32Array;
}

/**
 * Selects in threads, each with a connection of its own: the driver blocks the thread it is used in. In WAL they read beside
 * the writer, and each begins with what is committed by then. At most as many at once as there are threads.
 */
export function createSqliteSelects(db: Core.Strapi['db'], threads: number): Selects {
  const { filename } = (db.connection.client as { connectionSettings: { filename: string } })
    .connectionSettings;
  const all = Array.from({ length: threads }, () => createSlot(filename));
  // The last used is used next: a thread that is not needed is not started.
  const idle = [...all];

  return {
    async run(select, signal, interruptedAt) {
      const slot = idle.pop();
      if (slot === undefined) throw new Error('More selects at once than there are threads.');
      const interrupt = () => Atomics.store(slot.interrupt, 0, 1);
      Atomics.store(slot.interrupt, 0, 0);
      signal.addEventListener('abort', interrupt);
      try {
        return (await slot.thread.call('all', toArguments(select, interruptedAt))) as readonly unknown[];
      } catch (error) {
        signal.throwIfAborted();
        throw toKnownError(error);
      } finally {
        signal.removeEventListener('abort', interrupt);
        idle.push(slot);
      }
    },
    async close() {
      await Promise.all(
        all.map(({ thread, interrupt }) => {
          Atomics.store(interrupt, 0, 1);
          return thread.close(closingMs);
        }),
      );
    },
  };
}

function createSlot(filename: string): Slot {
  const interrupt = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const thread = createThreadCaller({
    file: path.join(__dirname, 'sqlite-selects-thread.js'),
    workerData: { filename, interrupt },
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  return { thread, interrupt };
}

function toArguments(select: Knex.QueryBuilder, interruptedAt: string | undefined): [string, unknown[]] {
  const asking = interruptedAt === undefined ? select : select.clone().whereRaw(`goes_on(${interruptedAt})`);
  const { sql, bindings } = asking.toSQL();
  return [sql, bindings.map(toSqliteValue)];
}

/** As knex does it. */
function toSqliteValue(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  return typeof value === 'boolean' ? Number(value) : value;
}

function toKnownError(error: unknown): unknown {
  if (!(error instanceof ThreadProblem)) return error;
  if (error.code === 'died') return new ChatError('database-unavailable', { cause: error });
  // It has been interrupted because the process ends.
  if (error.code === 'closed' || error.code === 'interrupted') return new ChatError('server-stopping');
  return error;
}
