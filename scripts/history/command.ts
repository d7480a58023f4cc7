import { HistoryProblem } from '../../src/history';
import type { HistoryStoreSettings } from '../../src/history/settings';
import { SettingsError } from '../../src/chat';
import { openHistoryStore } from '../../src/history/store/open';
import type { MainDatabase } from '../main-database';
import { findUsersOfToday } from './main-users';
import { parseCommand, usageOf, type Command } from './options';
import { run } from './run';
import { createScreen, HistoryCommandError, type Screen } from './screen';

/** Where the history and the users are. */
export interface Places {
  readonly store: HistoryStoreSettings;
  readonly mainDatabase: MainDatabase;
}

/**
 * Runs the command of the process's arguments. It reads the places only if the command needs them.
 * @param calledAs the start of the command line, for the usage.
 */
export async function runCommand(readPlaces: () => Places, calledAs: string): Promise<void> {
  const screen = createScreen();
  try {
    const command = parseCommand(process.argv.slice(2), calledAs);
    if (command === null) screen.say(usageOf(calledAs));
    else await runOnStore(command, screen, readPlaces());
  } catch (error) {
    screen.clear();
    process.stderr.write(`${describe(error)}\n`);
    process.exitCode = error instanceof HistoryCommandError ? error.exitCode : 1;
  }
}

async function runOnStore(command: Command, screen: Screen, places: Places): Promise<void> {
  const interruption = new AbortController();
  // Only the first signal is handled. A second one ends the process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  // An archive can be restored into a new database.
  const store = openHistoryStore({ ...places.store, mustExist: command.name !== 'restore' });
  try {
    await run(command, {
      store,
      screen,
      signal: interruption.signal,
      findUsers: (ids) => findUsersOfToday(places.mainDatabase, ids),
    });
  } finally {
    screen.clear();
    await store.close();
  }
}

function describe(error: unknown): string {
  const expected = [HistoryCommandError, HistoryProblem, SettingsError];
  if (expected.some((kind) => error instanceof kind)) return (error as Error).message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
