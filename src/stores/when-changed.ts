import type { Core } from '@strapi/strapi';

type Database = Core.Strapi['db'];

/**
 * Calls `onChange` after each change of these content types that this process makes, by whichever API. A change that is
 * part of a transaction is told twice, the second time once it is committed: until then others still read what was.
 */
export function whenChanged(db: Database, models: readonly string[], onChange: () => void): void {
  const tell = async () => {
    onChange();
    if (!db.inTransaction()) return;
    // One within another: it begins and ends nothing, and leads to the hooks of the one around it.
    await db.transaction((around) => {
      (around as { onCommit(run: () => void): void }).onCommit(onChange);
      return Promise.resolve();
    });
  };
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
