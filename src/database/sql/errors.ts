// Classifies errors of both database drivers by code only, because their messages quote SQL and values.

/** Returns whether a value that must be unique already exists. */
export function isUniqueViolation(error: unknown): boolean {
  return /^(23505|SQLITE_CONSTRAINT_UNIQUE)$/u.test(codeOf(error));
}

/** Returns whether the column cannot hold a value: PostgreSQL's data exceptions. */
export function isDataException(error: unknown): boolean {
  return /^22[0-9A-Z]{3}$/u.test(codeOf(error));
}

/** Codes of the operating system. Errors of mail servers and files have the same codes. */
const system = /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOTFOUND|EHOSTUNREACH|EMFILE|ENFILE|ENOSPC)$/u;

const unavailable = new RegExp(
  [
    // PostgreSQL: the connection failed, the server is out of resources, shuts down or accepts no connections.
    '^(08|53|57P)[0-9A-Z]+$|^55000$|^3D000$|^28',
    // A deadlock, a conflict, or a lock timeout.
    '^40(001|P01)$|^55P03$',
    '^SQLITE_(BUSY|LOCKED|IOERR|FULL|READONLY|CANTOPEN)',
  ].join('|'),
  'u',
);

/**
 * Messages of errors without a code. `pg` reports a broken connection so, and knex puts its statement in front.
 * The last one is knex's own error about a transaction.
 */
const lost = new RegExp(
  [
    '(Connection terminated unexpectedly|Connection ended unexpectedly|is not queryable)$',
    'Transaction query already complete',
  ].join('|'),
  'u',
);

/** Returns whether the database is unreachable, locked or full. The request is valid, and a later retry can succeed. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const { name, message } = Object(error) as { readonly name?: unknown; readonly message?: unknown };
  const code = codeOf(error);
  return (
    name === 'KnexTimeoutError' ||
    (typeof message === 'string' && lost.test(message)) ||
    unavailable.test(code) ||
    system.test(code)
  );
}

/** Returns whether the error has a code of the operating system, so that its source need not be the database. */
export function isSystemError(error: unknown): boolean {
  return system.test(codeOf(error));
}

/** Returns whether the database has no space on its disk. */
export function isDatabaseFull(error: unknown): boolean {
  return /^(SQLITE_FULL|53100|ENOSPC|EDQUOT)$/u.test(codeOf(error));
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}
