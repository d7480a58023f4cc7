import { parseArgs } from 'node:util';

import { HistoryCommandError } from './screen';

/** @param calledAs the start of the command line, e.g. `npm run history --`. */
export const usageOf = (calledAs: string): string => `Usage: ${calledAs} <command> [options]

Maintains the history of finished generations. MES_SQL_DSN of the environment or of .env names its database.

  size                                 prints the size of each table
  partitions                           lists the days with their own tables (MES_DAILY_PARTITION)
  prune --older-than 30d               removes records older than this number of whole days
  archive --older-than 30d --to DIR    writes such records to files, one per table and day, and then removes them
  restore FILE                         restores the records of an archive file
  unassigned                           lists the numbers in old records that have no user and that no user sees
  assign --number 7 --to DOCUMENT_ID   assigns the records of a number to the user with this documentId
  assign --by-id                       treats the numbers as user ids; only correct if users were never imported

  --dry-run    prune, archive, restore: prints what the command would do, and changes nothing
  --help       prints this text

Results go to standard output, progress to standard error. The exit code is 0 for success, 1 for a failure, 2 for a
wrong command line, and 130 for an interruption. An interrupted command can be run again.`;

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

/** A command line that is wrong, before the usage is added to its message. */
class WrongCommand extends Error {}

/**
 * @returns null when the user asks for the usage.
 * @throws HistoryCommandError with the usage.
 */
export function parseCommand(args: readonly string[], calledAs = 'npm run history --'): Command | null {
  try {
    return toCommand(args);
  } catch (error) {
    if (!(error instanceof WrongCommand)) throw error;
    throw new HistoryCommandError(`${error.message}\n\n${usageOf(calledAs)}`, 2);
  }
}

function toCommand(args: readonly string[]): Command | null {
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
      throw wrong(`Unknown command "${name}".`);
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
  if (days === undefined) throw wrong('--older-than must be a number of days from 1 to 99999, e.g. 30d.');
  return Number(days);
}

function numberOf({ number }: Values): number {
  if (!/^[1-9]\d{0,15}$/u.test(number ?? ''))
    throw wrong('assign needs --number, a number that `unassigned` lists.');
  return Number(number);
}

function documentIdOf({ to }: Values): string {
  if (!/^[a-z][a-z0-9]{0,63}$/iu.test(to ?? '')) throw wrong('assign needs --to, the documentId of a user.');
  return to ?? '';
}

const wrong = (message: string): WrongCommand => new WrongCommand(message);
