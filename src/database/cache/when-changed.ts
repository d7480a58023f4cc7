import type { Core } from '@strapi/strapi';

import { afterCommit } from '../sql/transaction';

type Database = Core.Strapi['db'];

interface Watcher {
  readonly models: readonly string[];
  readonly onChange: () => void;
}

const watchers = new WeakMap<Database, Watcher[]>();

/** Returns all callers of `whenChanged`. */
export function watchersOf(db: Database): Watcher[] {
  const existing = watchers.get(db) ?? [];
  watchers.set(db, existing);
  return existing;
}

/**
 * Calls `onChange` after each change that this process makes to these content types, through any API. It is also called
 * after the changes of other nodes: see `shareChanges`.
 * A data transfer into a running server disables these hooks. `onChange` then runs when they are enabled again.
 */
export function whenChanged(db: Database, models: readonly string[], onChange: () => void): void {
  watchersOf(db).push({ models, onChange });
  onEachChange(db, () => nowAndOnCommit(db, onChange), models);
  whenHooksAreBack(db, onChange);
}

/** Calls `onChange` with each change of a content type in this process. @param models by default, all of them. */
export function onEachChange(
  db: Database,
  onChange: (event: { readonly model: { readonly uid: string } }) => Promise<void>,
  models?: readonly string[],
): void {
  db.lifecycles.subscribe({
    ...(models && { models: [...models] }),
    afterCreate: onChange,
    afterCreateMany: onChange,
    afterUpdate: onChange,
    afterUpdateMany: onChange,
    afterDelete: onChange,
    afterDeleteMany: onChange,
  });
}

/**
 * Calls `run` now. Inside a transaction, calls it again after the commit, because others read the old rows until then.
 */
export async function nowAndOnCommit(db: Database, run: () => void): Promise<void> {
  run();
  if (db.inTransaction()) await afterCommit(db, run);
}

/** Calls `run` each time Strapi enables its hooks again. */
export function whenHooksAreBack({ lifecycles }: Database, run: () => void): void {
  const enable = lifecycles.enable.bind(lifecycles);
  lifecycles.enable = () => {
    enable();
    run();
  };
}
