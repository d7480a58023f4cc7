import type { Core } from '@strapi/strapi';

type Database = Core.Strapi['db'];

/**
 * Calls `onChange` after each change of these content types that this process makes, by whichever API. A transfer of data
 * into a running server changes them with these hooks disabled: `onChange` is called when they are enabled again.
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
 * Calls `run` now. In a transaction it is called once more when that is committed: until then others still read the rows
 * of before.
 */
export async function nowAndOnCommit(db: Database, run: () => void): Promise<void> {
  run();
  if (!db.inTransaction()) return;
  // One within another: it begins and ends nothing, and leads to the hooks of the one around it.
  await db.transaction((around) => {
    (around as { onCommit(run: () => void): void }).onCommit(run);
    return Promise.resolve();
  });
}

function whenHooksAreBack({ lifecycles }: Database, run: () => void): void {
  const enable = lifecycles.enable.bind(lifecycles);
  lifecycles.enable = () => {
    enable();
    run();
  };
}
