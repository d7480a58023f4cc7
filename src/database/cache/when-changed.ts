import type { Core } from '@strapi/strapi';

import { afterCommit } from '../sql/transaction';

type Database = Core.Strapi['db'];

/**
 * Calls `onChange` after each change that this process makes to these content types, through any API.
 * A data transfer into a running server disables these hooks. `onChange` then runs when they are enabled again.
 */
export function whenChanged(db: Database, models: readonly string[], onChange: () => void): void {
  const tell = () => nowAndOnCommit(db, onChange);
  whenHooksAreBack(db, onChange);
  db.lifecycles.subscribe({
    models: [...models],
    afterCreate: tell,
    afterCreateMany: tell,
    afterUpdate: tell,
    afterUpdateMany: tell,
    afterDelete: tell,
    afterDeleteMany: tell,
  });
}

/**
 * Calls `run` now. Inside a transaction, calls it again after the commit, because others read the old rows until then.
 */
export async function nowAndOnCommit(db: Database, run: () => void): Promise<void> {
  run();
  if (db.inTransaction()) await afterCommit(db, run);
}

function whenHooksAreBack({ lifecycles }: Database, run: () => void): void {
  const enable = lifecycles.enable.bind(lifecycles);
  lifecycles.enable = () => {
    enable();
    run();
  };
}
