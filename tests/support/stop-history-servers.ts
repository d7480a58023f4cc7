import stopPostgres from './stop-postgres';
import stopSqlite from './stop-sqlite';

export default async function stopHistoryServers(): Promise<void> {
  const { stopMariadb } = globalThis as { stopMariadb?: () => Promise<void> };
  await Promise.all([stopMariadb?.(), stopPostgres(), stopSqlite()]);
}
