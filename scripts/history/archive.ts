import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import type {
  HistoryMaintenance,
  HistoryRecord,
  HistoryStore,
  Position,
  StoredRecord,
} from '../../src/history';
import { readLines, writeWhole, type Content } from './archive-file';
import { fromLine, toLine } from './line';
import { counted, HistoryCommandError, type Screen } from './screen';
import { assertRunning, dayAfter, walkRecords } from './walk';

export interface ArchiveOptions {
  readonly store: Pick<HistoryMaintenance, 'readBefore' | 'remove' | 'dropEmptyPartitions'> &
    Pick<HistoryStore, 'dayOf'>;
  readonly folder: string;
  /** Records of this day and of later days stay. */
  readonly beforeDay: string;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

const kinds = ['conversation_histories', 'error_conversation_histories'] as const;
type Kind = (typeof kinds)[number];

/** Maximum of rounds for a day that receives records while it is archived. */
const roundsPerDay = 10;
/** Number of records that are removed between two checks of the signal. */
const batchSize = 1_000;

/**
 * Archives day by day, oldest first. Writes and verifies the files of a day, and then removes their records from the
 * store. A record that is saved to the day meanwhile stays, and another round archives it. After an abort, each record
 * is in the store, in a file, or in both. The next run adds the records that a file lacks.
 * @returns the number of records removed from the store.
 */
export async function archive(options: ArchiveOptions): Promise<number> {
  const { store, folder, beforeDay, screen, signal } = options;
  await mkdir(folder, { recursive: true });
  let removed = 0;
  let [day, round] = ['', 0];
  for (;;) {
    const [oldest] = await store.readBefore(beforeDay, null, 1);
    if (oldest === undefined) break;
    const oldestDay = await store.dayOf(oldest.createdAt);
    round = oldestDay === day ? round + 1 : 1;
    day = oldestDay;
    if (round > roundsPerDay)
      throw new HistoryCommandError(
        `${day} keeps receiving records while it is archived. Run it again later.`,
      );
    const ofDay = { ...options, beforeDay: dayAfter(day) };
    const gone = await remove(ofDay, await archiveDay(ofDay, day));
    await store.dropEmptyPartitions(dayAfter(day), signal);
    assertRunning(signal);
    screen.say(`${day}: removed ${counted(gone, 'record')}.`);
    removed += gone;
  }
  // An earlier run may have been aborted after it removed the last record of a day.
  await store.dropEmptyPartitions(beforeDay, signal);
  return removed;
}

async function remove(
  { store, screen, signal }: ArchiveOptions,
  positions: readonly Position[],
): Promise<number> {
  let removed = 0;
  for (let index = 0; index < positions.length; index += batchSize) {
    assertRunning(signal);
    screen.progress(`Removing: ${index} of ${counted(positions.length, 'record')} …`);
    removed += await store.remove(positions.slice(index, index + batchSize));
  }
  return removed;
}

/** @returns the positions in the store of all archived records of the day, oldest first. */
async function archiveDay(options: ArchiveOptions, day: string): Promise<Position[]> {
  let positions: Position[] = [];
  for (const kind of kinds) positions = positions.concat(await archiveKind(options, day, kind));
  return positions.sort((one, other) => one.timeMs - other.timeMs);
}

async function archiveKind(options: ArchiveOptions, day: string, kind: Kind): Promise<readonly Position[]> {
  const { folder, screen } = options;
  const file = path.join(folder, `${kind}_${day.replaceAll('-', '_')}.jsonl.gz`);
  const known = existsSync(file) ? await keysOf(file) : null;
  const found: Position[] = [];
  let added = 0;

  async function* addedLines(): AsyncGenerator<string, void> {
    for await (const record of recordsOf(options, day, kind)) {
      found.push(record.position);
      screen.progress(`${day}: ${counted(found.length, 'record')} …`);
      if (known?.has(keyOf(record)) === true) continue;
      added += 1;
      yield toLine(record);
    }
  }

  const lines = addedLines();
  const first = await lines.next();
  if (first.done === true) {
    if (found.length > 0) screen.say(`${file}: has all ${counted(found.length, 'record')} already.`);
    return found;
  }
  const content = await writeWhole(file, joined(known === null ? null : file, first.value, lines));
  screen.say(describe(file, content, known === null ? null : added));
  return found;
}

function describe(file: string, { lines, sha256 }: Content, added: number | null): string {
  const news = added === null ? '' : `, ${added} of them new`;
  return `${file}: ${counted(lines, 'record')}${news}, sha256 of its text ${sha256}`;
}

/** Yields the lines of the existing file, and then the new lines. */
async function* joined(
  existing: string | null,
  first: string,
  rest: AsyncIterable<string>,
): AsyncGenerator<string, void> {
  if (existing !== null) for await (const line of readLines(existing)) yield `${line}\n`;
  yield first;
  yield* rest;
}

async function* recordsOf(
  options: ArchiveOptions,
  day: string,
  kind: Kind,
): AsyncGenerator<StoredRecord, void> {
  for await (const record of walkRecords(options)) {
    // Skips a record that was saved to an earlier day meanwhile. The next round archives that day.
    if ((await options.store.dayOf(record.createdAt)) !== day) continue;
    const isError = record.error !== null;
    if (isError === (kind === 'error_conversation_histories')) yield record;
  }
}

/** Returns the keys of an existing archive file, left by an aborted run. Throws for a file that it cannot read. */
async function keysOf(file: string): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for await (const line of readLines(file)) {
    try {
      keys.add(keyOf(fromLine(line)));
    } catch {
      throw new HistoryCommandError(`${file} exists but is not an archive. Move it to another folder.`);
    }
  }
  return keys;
}

function keyOf({ recordId, createdAt }: HistoryRecord): string {
  return `${createdAt.getTime()} ${recordId}`;
}
