import { HistoryProblem } from '../src/history';
import { SettingsError } from '../src/chat';
import { findUsersOfToday } from './history/main-users';
import { openStore, readMainDatabase } from './history/open';
import { parseCommand, usage, type Command } from './history/options';
import { run } from './history/run';
import { createScreen, HistoryCommandError, type Screen } from './history/screen';

async function main(): Promise<void> {
  const screen = createScreen();
  try {
    const command = parseCommand(process.argv.slice(2));
    if (command === null) screen.say(usage.trimEnd());
    else await runOnStore(command, screen);
  } catch (error) {
    screen.clear();
    process.stderr.write(`${describe(error)}\n`);
    process.exitCode = error instanceof HistoryCommandError ? error.exitCode : 1;
  }
}

async function runOnStore(command: Command, screen: Screen): Promise<void> {
  const interruption = new AbortController();
  // Only the first signal is handled. A second one ends the process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  // An archive can be restored into a new database.
  const store = openStore({ mustExist: command.name !== 'restore' });
  try {
    await run(command, {
      store,
      screen,
      signal: interruption.signal,
      findUsers: (ids) => findUsersOfToday(readMainDatabase(), ids),
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

void main();
