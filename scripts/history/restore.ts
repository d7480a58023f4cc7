import type { HistoryMaintenance, HistoryRecord } from '../../src/history';
import { readLines } from './archive-file';
import { fromLine } from './line';
import { counted, HistoryCommandError, type Screen } from './screen';
import { assertRunning } from './walk';

export interface RestoreOptions {
  readonly store: Pick<HistoryMaintenance, 'restore'>;
  readonly file: string;
  readonly dryRun: boolean;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** Number of records in one transaction. */
const batchSize = 200;

/** Reads the whole file before it saves a record. A file with a wrong line is not restored at all. */
export async function restore({ store, file, dryRun, screen, signal }: RestoreOptions): Promise<void> {
  let total = 0;
  for await (const _record of readRecords(file)) {
    total += 1;
    assertRunning(signal);
    screen.progress(`Reading: ${counted(total, 'record')} …`);
  }
  if (dryRun) {
    screen.say(`${file}: ${counted(total, 'record')}, all valid. Nothing was restored.`);
    return;
  }
  let done = 0;
  let added = 0;
  let numbered = 0;
  for await (const batch of batches(readRecords(file))) {
    assertRunning(signal);
    added += await store.restore(batch);
    done += batch.length;
    numbered += batch.filter(({ userDocumentId }) => userDocumentId === null).length;
    screen.progress(`Restoring: ${done} of ${counted(total, 'record')} …`);
  }
  const rest = total - added;
  const others = rest === 0 ? '' : `; ${rest} already existed, or their users had erased them`;
  screen.say(`${file}: restored ${added} of ${counted(total, 'record')}${others}.`);
  if (numbered > 0) {
    screen.say(
      `${counted(numbered, 'record')} of an older version have a number instead of a user. The application finds the ` +
        'users of known turns; `unassigned` then lists the remaining numbers.',
    );
  }
}

async function* readRecords(file: string): AsyncGenerator<HistoryRecord, void> {
  let number = 0;
  for await (const text of readLines(file)) {
    number += 1;
    try {
      yield fromLine(text);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new HistoryCommandError(`${file}, line ${number}: ${reason}. Nothing of this file was restored.`);
    }
  }
}

async function* batches<T>(items: AsyncIterable<T>): AsyncGenerator<readonly T[], void> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
