import { dayBefore, type HistoryMaintenance, type HistoryNaming, type HistoryStore } from '../../src/history';
import { archive } from './archive';
import { assignById, assignOne, showUnassigned } from './assign';
import type { UserOfToday } from './main-users';
import type { Command } from './options';
import { restore } from './restore';
import { counted, toSize, toTable, type Screen } from './screen';
import { assertRunning, countDays } from './walk';

export interface RunOptions {
  readonly store: HistoryStore & HistoryMaintenance & HistoryNaming;
  readonly screen: Screen;
  readonly signal: AbortSignal;
  /** Finds users in the main database. */
  findUsers(ids: readonly number[]): Promise<ReadonlyMap<number, UserOfToday>>;
}

type Running = Omit<RunOptions, 'findUsers'>;

/** Runs one command. */
export async function run(command: Command, { store, screen, signal, findUsers }: RunOptions): Promise<void> {
  switch (command.name) {
    case 'size':
      return showSizes(store, screen);
    case 'partitions':
      return showPartitions(store, screen);
    case 'unassigned':
      return showUnassigned(store, screen);
    case 'assign':
      return assignOne(store, screen, command.formerUserId, command.userDocumentId);
    case 'assign-by-id':
      return assignById({ store, screen, signal, findUsers });
    case 'restore':
      return restore({ store, file: command.file, dryRun: command.dryRun, screen, signal });
    case 'prune':
    case 'archive': {
      const beforeDay = await dayBefore(store, new Date(), command.days);
      if (command.dryRun) return showOld({ store, screen, signal }, beforeDay);
      if (command.name === 'prune') return prune({ store, screen, signal }, beforeDay);
      const removed = await archive({ store, folder: command.folder, beforeDay, screen, signal });
      screen.say(`Archived and removed ${counted(removed, 'record')} from before ${beforeDay}.`);
    }
  }
}

async function showSizes(store: HistoryMaintenance, screen: Screen): Promise<void> {
  screen.progress('Counting …');
  const sizes = await store.listSizes();
  const rows = sizes.map(({ table, rows: count, bytes }) => [table, count, toSize(bytes)]);
  for (const line of toTable(['table', 'rows', 'size'], rows)) screen.say(line);
}

async function showPartitions(store: HistoryMaintenance, screen: Screen): Promise<void> {
  screen.progress('Counting …');
  const partitions = await store.listPartitions();
  if (partitions.length === 0) screen.say('The history has no partitions. See MES_DAILY_PARTITION.');
  const rows = partitions.map(({ day, rows: count, bytes }) => [day, count, toSize(bytes)]);
  if (rows.length > 0) for (const line of toTable(['day', 'rows', 'size'], rows)) screen.say(line);
}

async function showOld({ store, screen, signal }: Running, beforeDay: string): Promise<void> {
  let total = 0;
  for await (const { day, records, errors } of countDays({ store, beforeDay, signal })) {
    total += records;
    screen.say(`${day}: ${counted(records, 'record')}, ${counted(errors, 'error')} among them`);
  }
  screen.say(`${counted(total, 'record')} from before ${beforeDay}. Nothing was changed.`);
}

async function prune({ store, screen, signal }: Running, beforeDay: string): Promise<void> {
  screen.progress(`Removing what was created before ${beforeDay} …`);
  const removed = await store.prune(beforeDay, signal);
  screen.say(`Removed ${counted(removed, 'record')} from before ${beforeDay}.`);
  assertRunning(signal);
}
