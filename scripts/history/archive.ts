import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import type { HistoryMaintenance, HistoryStore, StoredRecord } from '../../src/chat';
import { readLines, writeWhole, type Content } from './archive-file';
import { fromLine, toLine } from './line';
import { counted, HistoryCommandError, type Screen } from './screen';
import { assertRunning, dayAfter, dayOf, walkRecords } from './walk';

export interface ArchiveOptions {
  readonly store: Pick<HistoryMaintenance, 'readBefore'> & Pick<HistoryStore, 'prune'>;
  readonly folder: string;
  /** Of UTC. This day and later ones stay. */
  readonly beforeDay: string;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

const kinds = ['conversation_histories', 'error_conversation_histories'] as const;
type Kind = (typeof kinds)[number];

/**
 * Day by day, oldest first: writes its files, has them verified, and only then removes the day from the store. Whatever
 * ends it, the day it was at is in the store, in its files, or in both: run again, it adds what a file does not have.
 * @returns how many records were removed from the store.
 */
export async function archive({ store, folder, beforeDay, screen, signal }: ArchiveOptions): Promise<number> {
  await mkdir(folder, { recursive: true });
  let removed = 0;
  let lastDay = '';
  for (;;) {
    const [oldest] = await store.readBefore(beforeDay, null, 1);
    if (oldest === undefined) break;
    const day = dayOf(oldest.createdAt);
    if (day === lastDay) throw new HistoryCommandError(`Of ${day}, something came after it was archived.`);
    lastDay = day;
    const archived = await archiveDay({ store, folder, beforeDay: dayAfter(day), screen, signal }, day);
    const pruned = await store.prune(dayAfter(day), signal);
    removed += pruned;
    assertRunning(signal);
    screen.say(`${day}: removed ${counted(pruned, 'record')}.`);
    if (pruned > archived) throw surprise(day, archived, pruned);
  }
  // A run that was ended while it removed a day can have left sums of it.
  return removed + (await store.prune(beforeDay, signal));
}

/** Nothing may be written to days that are archived. If it was, in the moment between, better say so. */
function surprise(day: string, archived: number, pruned: number): HistoryCommandError {
  return new HistoryCommandError(
    `Of ${day}, ${counted(archived, 'record')} were archived and ${pruned} removed. ` +
      'Does something else write to that day at the same time?',
  );
}

/** @returns how many records of the store are in the files now. */
async function archiveDay(options: ArchiveOptions, day: string): Promise<number> {
  const counts = new Map<Kind, number>();
  for (const kind of kinds) counts.set(kind, await archiveKind(options, day, kind));
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

async function archiveKind(options: ArchiveOptions, day: string, kind: Kind): Promise<number> {
  const { folder, screen } = options;
  const file = path.join(folder, `${kind}_${day.replaceAll('-', '_')}.jsonl.gz`);
  const known = existsSync(file) ? await idsOf(file) : null;
  let found = 0;
  let added = 0;

  async function* addedLines(): AsyncGenerator<string, void> {
    for await (const record of recordsOf(options, kind)) {
      found += 1;
      screen.progress(`${day}: ${counted(found, 'record')} …`);
      if (known?.has(record.recordId) === true) continue;
      added += 1;
      yield toLine(record);
    }
  }

  const lines = addedLines();
  const first = await lines.next();
  if (first.done === true) {
    if (found > 0) screen.say(`${file}: has all ${counted(found, 'record')} already.`);
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

/** What the file has already, and what is new. */
async function* joined(
  existing: string | null,
  first: string,
  rest: AsyncIterable<string>,
): AsyncGenerator<string, void> {
  if (existing !== null) for await (const line of readLines(existing)) yield `${line}\n`;
  yield first;
  yield* rest;
}

async function* recordsOf(options: ArchiveOptions, kind: Kind): AsyncGenerator<StoredRecord, void> {
  for await (const record of walkRecords(options)) {
    const isError = record.error !== null;
    if (isError === (kind === 'error_conversation_histories')) yield record;
  }
}

/** Of a run that was ended before its day was removed. A file that cannot be read is not to be replaced. */
async function idsOf(file: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const line of readLines(file)) {
    try {
      ids.add(fromLine(line).recordId);
    } catch {
      throw new HistoryCommandError(`${file} is there and is no archive. Move it away.`);
    }
  }
  return ids;
}
