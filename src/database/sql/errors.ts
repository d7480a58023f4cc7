/** What the drivers of the two databases throw, told apart by code: messages quote SQL and values. */

/** A value that must be unique is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return /^(23505|SQLITE_CONSTRAINT_UNIQUE)$/u.test(codeOf(error));
}

/** A value the column cannot hold: PostgreSQL's data exceptions. */
export function isDataException(error: unknown): boolean {
  return /^22[0-9A-Z]{3}$/u.test(codeOf(error));
}

const unavailable = new RegExp(
  [
    '^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOTFOUND|EHOSTUNREACH)$',
    // PostgreSQL: connection trouble, out of resources, shutting down or not accepting connections.
    '^(08|53|57P)[0-9A-Z]+$|^55000$|^3D000$|^28',
    // A deadlock, a conflict, a lock that was not to be had in time.
    '^40(001|P01)$|^55P03$',
    '^SQLITE_(BUSY|LOCKED|IOERR|FULL|READONLY|CANTOPEN)',
  ].join('|'),
  'u',
);

/** What `pg` says of a broken connection without a code, with knex's statement in front; and knex of its transaction. */
const lost = new RegExp(
  [
    '(Connection terminated unexpectedly|Connection ended unexpectedly|is not queryable)$',
    'Transaction query already complete',
  ].join('|'),
  'u',
);

/** The database is away, locked or full: nothing is wrong with the request, and later it may work. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'KnexTimeoutError' || lost.test(error.message) || unavailable.test(codeOf(error));
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
