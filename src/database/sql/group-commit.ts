import { setImmediate as othersTurn } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { settledWithin } from '../../chat';
import { inStatements, statementsOf, type RunStatement } from './statements';

/**
 * Bounds what one transaction holds, and how long the process does nothing else: SQLite's driver blocks it, and whoever is
 * told the end of a turn goes on at once.
 */
const maxTogether = { postgres: 100, sqlite: 20 };

/** How long a group waits for a row that somebody else is writing, before each of it is written alone. */
const lockTimeoutMs = 100;

/** How long the next group waits for one: it may be a turn alone, on a row that is locked or a connection that is dead. */
const patienceMs = 100;

/**
 * Has what is written of many turns written in one transaction. It locks their rows in no order of ours, so two could
 * wait for each other: a group gives way, long before PostgreSQL would choose whose work is undone.
 * @param write with a result for each item, in their order.
 * @param options.isOneStatement whether `write` comes to one statement: for a single item that is transaction enough.
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
    // It is a part of that one, and of nobody else's.
    const [result] = await db.transaction(({ trx }) => write(statementsOf(trx as Knex.Transaction), [item]));
    return result as R;
  };
}

/**
 * Has items of many callers written together: what comes while one group is being written goes with the next. Streams
 * that began in the same moment stay in step, and would else make a transaction each, all at once. A group that takes
 * long is waited for by nobody else.
 * @param write as many as `max`: all of them, or none, with a result for each in their order. What is wrong with one of a group is no
 *   other's failure, so each is then written alone.
 * @returns the item's result, once it is written. @throws what `write` threw for it alone.
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
      // Timers that are due add to the group, and events that have come are not late by all the groups there are.
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
      // Nobody waits for them but who asked: one that takes long holds up no group.
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
