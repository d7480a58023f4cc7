import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

/** Calls `run` after the commit of the transaction around the call. Calls it now if there is none. */
export async function afterCommit(db: Core.Strapi['db'], run: () => void): Promise<void> {
  if (!db.inTransaction()) return run();
  // A nested transaction begins and commits nothing, but it gives access to `onCommit` of the outer one.
  await db.transaction((around) => {
    (around as { onCommit(run: () => void): void }).onCommit(run);
    return Promise.resolve();
  });
}

/**
 * Runs `run` in one transaction with a typed `trx`. `run` must await everything.
 * Inside another transaction, it becomes a part of that one and is committed with it.
 * @throws the error of `run`, or the error of the commit.
 */
export async function inTransaction<T>(
  db: Core.Strapi['db'],
  run: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  if (db.inTransaction()) return db.transaction(({ trx }) => run(trx as Knex.Transaction));
  let committed: Promise<unknown> | undefined;
  const result = await db.transaction(({ trx }) => {
    committed = (trx as Knex.Transaction).executionPromise;
    return run(trx as Knex.Transaction);
  });
  // Strapi does not notice a failed COMMIT. Only this promise rejects. Without it, unsaved rows would count as saved.
  await committed;
  return result;
}
