import { LoggableError } from '../../chat/shared/loggable-error';

/** What operators read. Fixed sentences: a driver's own words can hold passwords, SQL and what people wrote. */
export const historyProblems = {
  'bad-settings': 'The settings of the history are not right.',
  'driver-missing':
    'The history is to be kept in MySQL, and the package mysql2 is not installed: npm install mysql2.',
  unreachable: 'The database of the history cannot be reached.',
  'login-refused': 'The database of the history refuses the login: user, password or rights are wrong.',
  'no-such-database': 'The database of the history does not exist on its server.',
  'not-writable': 'The database of the history can be read only, or its folder cannot be written to.',
  full: 'The database of the history has no room left.',
  busy: 'The database of the history is busy with something else.',
  opening: 'The tables of the history are being made new, which can take minutes.',
  closed: 'The history is closed: the process is about to end.',
  other: 'The database of the history answered with an error.',
} as const;

export type HistoryProblemCode = keyof typeof historyProblems;

/** Why the history cannot be used at this moment. What is to be saved stays where it is, and is tried again. */
export class HistoryProblem extends LoggableError {
  declare readonly code: HistoryProblemCode;

  /** @param detail what to mend, for operators. Never a value of theirs: addresses hold passwords. */
  constructor(code: HistoryProblemCode, options: { detail?: string; cause?: unknown } = {}) {
    const { detail, cause } = options;
    super(code, [historyProblems[code], detail].filter(Boolean).join(' '), { cause });
    this.name = 'HistoryProblem';
  }
}
