import type { Knex } from 'knex';

/** The errors that came from a driver of the database, not from a mail server or the file system. */
const marked = new WeakSet<object>();

/**
 * Marks each error of connections and queries. A system error such as `ECONNREFUSED` or `ENOSPC` does not say what was
 * refused or full.
 */
export function markDriverErrors({ client }: Knex): void {
  const driver = client as Knex.Client;
  const connect = driver.acquireRawConnection.bind(driver);
  driver.acquireRawConnection = () => connect().catch(rethrowMarked);
  driver.on('query-error', mark);
}

export const isDriverError = (error: unknown): boolean => marked.has(Object(error) as object);

function mark(error: unknown): void {
  if (typeof error === 'object' && error !== null) marked.add(error);
}

function rethrowMarked(error: unknown): never {
  mark(error);
  throw error;
}
