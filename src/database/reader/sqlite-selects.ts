import path from 'node:path';
import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { ChatError } from '../../chat';
import { createThreadCaller, ThreadProblem, type ThreadCaller } from '../../threads/caller';
import type { Selects } from './selects';

/** How long a thread may take to close. It first ends its select, if the select can be interrupted. */
const closingMs = 5_000;

interface Slot {
  readonly thread: ThreadCaller;
  /** If this is not 0, the running select must end. It is shared memory, because a busy thread reads no messages. */
  readonly interrupt: Int32Array;
}

/**
 * Runs selects in threads, because the driver blocks its thread. Each thread has its own connection.
 * In WAL mode they read while the main connection writes. Each select sees the rows that are committed when it starts.
 * The caller runs at most `threads` selects at the same time.
 */
export function createSqliteSelects(db: Core.Strapi['db'], threads: number): Selects {
  const { filename } = (db.connection.client as { connectionSettings: { filename: string } })
    .connectionSettings;
  const all = Array.from({ length: threads }, () => createSlot(filename));
  // A stack: the thread that was used last is used next, so unneeded threads never start.
  const idle = [...all];

  return {
    async run(select, signal, interruptedAt) {
      const slot = idle.pop();
      if (slot === undefined) throw new Error('More selects are running than threads exist.');
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

/** Converts a value like knex does. */
function toSqliteValue(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  return typeof value === 'boolean' ? Number(value) : value;
}

function toKnownError(error: unknown): unknown {
  if (!(error instanceof ThreadProblem)) return error;
  if (error.code === 'died') return new ChatError('database-unavailable', { cause: error });
  // The select was interrupted because the process ends.
  if (error.code === 'closed' || error.code === 'interrupted') return new ChatError('server-stopping');
  return error;
}
