import startMariadb from './start-mariadb';
import startPostgres from './start-postgres';

/** Starts MariaDB and PostgreSQL, which can store the history. Reuses a PostgreSQL that already runs. */
export default async function startHistoryServers(): Promise<void> {
  await Promise.all([startMariadb(), startPostgres()]);
}
