import { startHosts } from './start-hosts';
import startPostgres from './start-postgres';
import { startTemplate } from './start-template';

/** Starts PostgreSQL, and makes the host and the database that the tests on it use. */
export default async function startHostsOnPostgres(): Promise<void> {
  await startPostgres();
  await startTemplate('postgres', await startHosts());
}
