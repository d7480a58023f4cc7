import { startTemplate } from './start-template';

/** Makes the database that the tests on SQLite copy. */
export default async function startSqlite(): Promise<void> {
  if ('sqliteTemplate' in globalThis) return;
  Object.assign(globalThis, { sqliteTemplate: await startTemplate('sqlite') });
}
