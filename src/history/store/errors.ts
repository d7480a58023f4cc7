import { HistoryProblem, type HistoryProblemCode } from '../model/problem';

/** Error codes of the three drivers. Their messages can contain SQL and values. */
const codes: readonly (readonly [RegExp, HistoryProblemCode])[] = [
  [/^(MODULE_NOT_FOUND|ERR_MODULE_NOT_FOUND)$/u, 'driver-missing'],
  [
    /^28|^42501$|^ER_(ACCESS_DENIED|DBACCESS_DENIED|TABLEACCESS_DENIED|SPECIFIC_ACCESS_DENIED)/u,
    'login-refused',
  ],
  [/^3D000$|^ER_BAD_DB_ERROR$/u, 'no-such-database'],
  [
    /^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)|^(EACCES|EROFS|EPERM|ENOTDIR|EEXIST)$|^25006$|^ER_OPTION_PREVENTS/u,
    'not-writable',
  ],
  [/^SQLITE_FULL|^ENOSPC$|^53100$|^ER_(DISK_FULL|RECORD_FILE_FULL)/u, 'full'],
  [/^SQLITE_(BUSY|LOCKED)|^55P03$|^ER_LOCK_|^40001$|^40P01$/u, 'busy'],
  [
    /^(08|53|57P)[0-9A-Z]+$|^55000$|^PROTOCOL_|^ER_(CON_COUNT|SERVER_SHUTDOWN|NORMAL_SHUTDOWN|TOO_MANY)/u,
    'unreachable',
  ],
  [/^(ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_|EHOST|ENET|ENOENT$)/u, 'unreachable'],
];

/** Messages of `pg`, mysql2 and knex about a broken connection, which have no code. */
const lost =
  /(Connection terminated|Connection ended|Connection lost|is not queryable|closed state|Transaction query already complete|timeout expired|aborted)/u;

/** A table does not exist, because another process or an operator has just dropped, renamed or not yet created it. */
export class MissingTable extends Error {
  constructor() {
    super('A table of the history does not exist.');
    this.name = 'MissingTable';
  }
}

const missing =
  /^(42P01|23514|ER_(NO_SUCH_TABLE|BAD_TABLE_ERROR|VIEW_INVALID|NON_INSERTABLE_TABLE|NON_UPDATABLE_TABLE|NO_PARTITION_FOR_GIVEN_VALUE|TABLE_DEF_CHANGED))$/u;

/** Returns true if the list of tables has changed since the caller read it. Then the work can be repeated. */
export function isMissingTable(error: unknown): boolean {
  if (error instanceof MissingTable) return true;
  const { code, message } = Object(error) as Readonly<Record<string, unknown>>;
  if (typeof code !== 'string') return false;
  // PostgreSQL reports a missing partition as a violated check. The tables have no other checks.
  return missing.test(code) || (code === 'SQLITE_ERROR' && /no such table/u.test(String(message)));
}

export function toProblem(error: unknown): HistoryProblem {
  if (error instanceof HistoryProblem) return error;
  return new HistoryProblem(codeFor(error), { cause: error });
}

/**
 * Describes a problem for the log: a fixed sentence with its code and the driver's code, never the driver's message.
 */
export function describeProblem(error: unknown): string {
  const { message, code, cause } = toProblem(error);
  const { code: own } = Object(cause) as { readonly code?: unknown };
  const codes = typeof own === 'string' && /^[\w-]{1,40}$/u.test(own) ? `${code}, ${own}` : code;
  return `${message.replace(/\.$/u, '')} (${codes})`;
}

/** Checks the properties and not the class: errors of Node itself can come from another realm. */
function codeFor(error: unknown): HistoryProblemCode {
  const { code, name, message } = Object(error) as Readonly<Record<string, unknown>>;
  const known = typeof code === 'string' ? codes.find(([pattern]) => pattern.test(code)) : undefined;
  if (known !== undefined) return known[1];
  const text = typeof message === 'string' ? message : '';
  if (/^Knex: run|Cannot find module/u.test(text)) return 'driver-missing';
  return name === 'KnexTimeoutError' || name === 'AggregateError' || lost.test(text)
    ? 'unreachable'
    : 'other';
}
