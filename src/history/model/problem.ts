import { LoggableError } from '../../chat/shared/loggable-error';

/** Sentences for operators. They are fixed, because a driver's message can contain passwords, SQL or text of users. */
export const historyProblems = {
  'bad-settings': 'The settings of the history are not right.',
  'driver-missing':
    'The history settings name MySQL, but the package mysql2 is not installed: npm install mysql2.',
  unreachable: 'The database of the history cannot be reached.',
  'login-refused': 'The database of the history refuses the login: user, password or rights are wrong.',
  'no-such-database': 'The database of the history does not exist on its server.',
  'no-history': 'The settings name a database without a history.',
  'other-time-zone':
    'MES_TIME_ZONE is not the time zone with which the history was made. Set it back, or choose a new MES_SQL_DSN.',
  'not-writable': 'The database of the history can be read only, or its folder cannot be written to.',
  full: 'The database of the history has no room left.',
  busy: 'The database of the history is busy with something else.',
  opening: 'The tables of the history are being rebuilt, which can take minutes.',
  closed: 'The history is closed: the process is about to end.',
  other: 'The database of the history answered with an error.',
} as const;

export type HistoryProblemCode = keyof typeof historyProblems;

/** Reason why the history is unavailable now. Unsaved records stay where they are, and the writer retries them. */
export class HistoryProblem extends LoggableError {
  declare readonly code: HistoryProblemCode;

  /** @param detail what the operator must fix. Never contains the value of a setting: addresses contain passwords. */
  constructor(code: HistoryProblemCode, options: { detail?: string; cause?: unknown } = {}) {
    const { detail, cause } = options;
    super(code, [historyProblems[code], detail].filter(Boolean).join(' '), { cause });
    this.name = 'HistoryProblem';
  }
}
