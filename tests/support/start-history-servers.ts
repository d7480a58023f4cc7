import startMariadb from './start-mariadb';
import startPostgres from './start-postgres';
import startSqlite from './start-sqlite';

/** Starts MariaDB and PostgreSQL, which can store the history. Reuses what another project has started. */
export default async function startHistoryServers(): Promise<void> {
  await Promise.all([startMariadb(), startPostgres(), startSqlite()]);
}
