import startMariadb from './start-mariadb';
import startPostgres from './start-postgres';

/** Both servers that can keep the history, beside SQLite. PostgreSQL is the one of the application's tests, if it runs. */
export default async function startHistoryServers(): Promise<void> {
  await Promise.all([startMariadb(), startPostgres()]);
}
