import { setImmediate as othersTurn } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { settledWithin } from '../../chat';
import { inStatements, statementsOf, type RunStatement } from './statements';

/*
 * Saves half of the wait for the first event when 200 turns begin together: 285 instead of 539 ms on SQLite.
 * Measured with `npm run bench -- --only rush`, three rounds with groups and with groups of one. PostgreSQL: 416, 725.
 * Delete it when a transaction of SQLite no longer blocks the process, and PostgreSQL needs no message for each.
 */

/**
 * The largest batch of one transaction. It limits how many rows the transaction locks.
 * It also limits how long the event loop is blocked. SQLite's driver blocks it, and then all callers continue together.
 */
const maxTogether = { postgres: 100, sqlite: 20 };

/** How long a batch waits for a row that another transaction has locked. After that, each item is written alone. */
const lockTimeoutMs = 100;

/** How long the next batch waits for the current one. A single item can hang on a locked row or a dead connection. */
const patienceMs = 100;

/**
 * Writes the items of many turns in one transaction.
 * A batch locks rows in no fixed order, so two transactions can deadlock.
 * The lock timeout makes the batch fail long before PostgreSQL detects the deadlock and aborts one of the two.
 * @param write returns one result for each item, in the order of the items.
 * @param options.isOneStatement whether `write` runs only one statement. A single item then needs no transaction.
 */
export function inGroups<T, R>(
  db: Core.Strapi['db'],
  write: (statement: RunStatement, items: readonly T[]) => Promise<readonly R[]>,
  { isOneStatement = false } = {},
): (item: T) => Promise<R> {
  const commit = createGroupCommit(
    (items: readonly T[]) => {
      if (items.length > 1) return inStatements(db, (statement) => write(statement, items), lockTimeoutMs);
      if (isOneStatement) return write(statementsOf(db.connection), items);
      return inStatements(db, (statement) => write(statement, items));
    },
    db.dialect.client === 'postgres' ? maxTogether.postgres : maxTogether.sqlite,
  );
  return async (item) => {
    if (!db.inTransaction()) return commit(item);
    // The item belongs to the caller's transaction, so it is not batched.
    const [result] = await db.transaction(({ trx }) => write(statementsOf(trx as Knex.Transaction), [item]));
    return result as R;
  };
}

/**
 * Batches writes: items that arrive while a batch is being written go into the next one.
 * Streams that start together write at the same time. Without batches, each would open its own transaction.
 * A slow batch delays the next one for `patienceMs` at most.
 * @param write writes up to `max` items, all or none, and returns one result for each item in their order.
 *   If it throws for a batch, each item is written alone. So one bad item does not fail the others.
 * @returns a function that writes an item and returns its result. @throws the error of `write` for that item alone.
 */
export function createGroupCommit<T, R>(
  write: (items: readonly T[]) => Promise<readonly R[]>,
  max: number,
): (item: T) => Promise<R> {
  let waiting: Waiting<T, R>[] = [];
  let isWriting = false;

  async function writeAll(): Promise<void> {
    isWriting = true;
    while (waiting.length > 0) {
      // Due timers can add items to this batch. Pending I/O events run between two batches.
      await othersTurn();
      const group = waiting.slice(0, max);
      waiting = waiting.slice(max);
      await settledWithin(patienceMs, writeGroup(group));
    }
    isWriting = false;
  }

  async function writeGroup(group: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await write(group.map(({ item }) => item));
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as R);
    } catch (error) {
      const [first, ...others] = group;
      if (others.length === 0) first?.reject(error);
      // Only the callers wait for these writes. A slow item delays no batch.
      else for (const one of group) void writeGroup([one]);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isWriting) void writeAll();
    });
}

interface Waiting<T, R> {
  readonly item: T;
  resolve(result: R): void;
  reject(error: unknown): void;
}
