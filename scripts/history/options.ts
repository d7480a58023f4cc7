import { parseArgs } from 'node:util';

import { HistoryCommandError } from './screen';

export const usage = `Usage: npm run history -- <command> [options]

Looks after the history of finished generations, whose database the environment or .env names (MES_SQL_DSN).

  size                                 how large each table is
  partitions                           the days that have tables of their own (MES_DAILY_PARTITION)
  prune --older-than 30d               removes what is older than so many whole days of UTC
  archive --older-than 30d --to DIR    writes it to files first, one of each kind and day, then removes it
  restore FILE                         puts back what is in such a file
  unassigned                           numbers of users in records of an older version that nobody is shown
  assign --number 7 --to DOCUMENT_ID   gives the records of such a number to the user with this documentId
  assign --by-id                       to the users with these ids: where users were never imported, and only there

  --dry-run    prune, archive, restore: says what would be done, and does nothing
  --help       this text

Results go to standard output, progress to standard error. The exit code is 0 if all was done, 1 if something went
wrong, 2 if the command is not right, and 130 if it was interrupted. What was interrupted can be run again.
`;

export type Command =
  | { readonly name: 'size' | 'partitions' | 'unassigned' }
  | { readonly name: 'assign-by-id' }
  | { readonly name: 'assign'; readonly formerUserId: number; readonly userDocumentId: string }
  | { readonly name: 'prune'; readonly days: number; readonly dryRun: boolean }
  | { readonly name: 'archive'; readonly days: number; readonly folder: string; readonly dryRun: boolean }
  | { readonly name: 'restore'; readonly file: string; readonly dryRun: boolean };

interface Values {
  readonly 'older-than'?: string | undefined;
  readonly to?: string | undefined;
  readonly number?: string | undefined;
  readonly 'by-id'?: boolean | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly help?: boolean | undefined;
}

/** @returns null when only the usage is wanted. */
export function parseCommand(args: readonly string[]): Command | null {
  const { values, positionals } = parse(args);
  const [name, ...rest] = positionals;
  if (values.help === true) return null;
  const dryRun = values['dry-run'] === true;
  switch (name) {
    case 'size':
    case 'partitions':
    case 'unassigned':
      assertOnly(name, values, [], rest, 0);
      return { name };
    case 'prune':
      assertOnly(name, values, ['older-than', 'dry-run'], rest, 0);
      return { name, days: daysOf(name, values), dryRun };
    case 'archive':
      assertOnly(name, values, ['older-than', 'to', 'dry-run'], rest, 0);
      if (!values.to) throw wrong('archive needs --to, the folder for its files.');
      return { name, days: daysOf(name, values), folder: values.to, dryRun };
    case 'restore': {
      assertOnly(name, values, ['dry-run'], rest, 1);
      const [file = ''] = rest;
      return { name, file, dryRun };
    }
    case 'assign':
      if (values['by-id'] === true) {
        assertOnly(name, values, ['by-id'], rest, 0);
        return { name: 'assign-by-id' };
      }
      assertOnly(name, values, ['number', 'to'], rest, 0);
      return { name, formerUserId: numberOf(values), userDocumentId: documentIdOf(values) };
    case undefined:
      throw wrong('A command is missing.');
    default:
      throw wrong(`There is no command "${name}".`);
  }
}

function parse(args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'older-than': { type: 'string' },
        to: { type: 'string' },
        number: { type: 'string' },
        'by-id': { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

function assertOnly(
  command: string,
  values: Values,
  known: readonly (keyof Values)[],
  rest: readonly string[],
  files: number,
): void {
  const stranger = (Object.keys(values) as (keyof Values)[]).find((option) => !known.includes(option));
  if (stranger !== undefined) throw wrong(`${command} takes no --${stranger}.`);
  if (rest.length > files) throw wrong(`${command} does not know what "${rest.at(-1) ?? ''}" is.`);
  if (rest.length < files) throw wrong(`${command} needs the file to read.`);
}

function daysOf(command: string, values: Values): number {
  const text = values['older-than'];
  if (text === undefined) throw wrong(`${command} needs --older-than, e.g. --older-than 30d.`);
  const [, days] = /^([1-9]\d{0,4})d$/u.exec(text) ?? [];
  if (days === undefined) throw wrong('--older-than takes a number of days of at least one, e.g. 30d.');
  return Number(days);
}

function numberOf({ number }: Values): number {
  if (!/^[1-9]\d{0,15}$/u.test(number ?? ''))
    throw wrong('assign needs --number, one that `unassigned` lists.');
  return Number(number);
}

function documentIdOf({ to }: Values): string {
  if (!/^[a-z][a-z0-9]{0,63}$/iu.test(to ?? '')) throw wrong('assign needs --to, the documentId of a user.');
  return to ?? '';
}

function wrong(message: string): HistoryCommandError {
  return new HistoryCommandError(`${message}\n\n${usage.trimEnd()}`, 2);
}
