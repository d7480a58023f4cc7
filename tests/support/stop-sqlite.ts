import type { TestDatabase } from './database';

export default async function stopSqlite(): Promise<void> {
  await (globalThis as { sqliteTemplate?: TestDatabase }).sqliteTemplate?.drop();
}
