import startPostgres from './start-postgres';
import { startTemplate } from './start-template';

/** Starts PostgreSQL, and makes the database that the tests on it copy. */
export default async function startPostgresTemplate(): Promise<void> {
  await startPostgres();
  await startTemplate('postgres');
}
