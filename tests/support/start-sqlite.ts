import { startTemplate } from './start-template';

/** Makes the database that the tests on SQLite copy. */
export default async function startSqlite(): Promise<void> {
  Object.assign(globalThis, { sqliteTemplate: await startTemplate('sqlite') });
}
