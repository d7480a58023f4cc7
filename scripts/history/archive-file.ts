import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import { HistoryCommandError } from './screen';

/** The content of a file: the number of lines, and the hash of its text. */
export interface Content {
  readonly lines: number;
  readonly sha256: string;
}

/**
 * Writes a gzip file of lines completely or not at all. It writes to a temporary name, syncs to disk, reads the file
 * back, compares it and renames it. Only the owner can read the file.
 */
export async function writeWhole(file: string, lines: AsyncIterable<string>): Promise<Content> {
  const temporary = `${file}.part`;
  const written = createHash('sha256');
  let count = 0;
  async function* counted(): AsyncGenerator<string, void> {
    for await (const line of lines) {
      written.update(line);
      count += 1;
      yield line;
    }
  }
  try {
    const handle = await open(temporary, 'w', 0o600);
    try {
      await pipeline(Readable.from(counted()), createGzip(), (chunks: AsyncIterable<Buffer>) =>
        writeAll(handle, chunks),
      );
      await handle.sync();
    } finally {
      await handle.close();
    }
    const content = { lines: count, sha256: written.digest('hex') };
    const found = await contentOf(temporary);
    if (found.lines !== content.lines || found.sha256 !== content.sha256) {
      throw new HistoryCommandError(`${file} differs from what was written to it. Check the disk.`);
    }
    await rename(temporary, file);
    await syncFolder(path.dirname(file));
    return content;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeAll(handle: FileHandle, chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) await handle.writeFile(chunk);
}

/** Syncs the folder, so that the new name survives a power failure. Some systems cannot open a folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function contentOf(file: string): Promise<Content> {
  const hash = createHash('sha256');
  let lines = 0;
  for await (const line of readLines(file)) {
    hash.update(`${line}\n`);
    lines += 1;
  }
  return { lines, sha256: hash.digest('hex') };
}

/** Yields the lines of a file, and unpacks a gzip file. @throws HistoryCommandError when it cannot read the file. */
export async function* readLines(file: string): AsyncGenerator<string, void> {
  const source = createReadStream(file);
  const text = /\.gz(\.part)?$/u.test(file) ? createGunzip() : new PassThrough();
  source.once('error', (error) => text.destroy(error));
  source.pipe(text).setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of text as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new HistoryCommandError(`${file} cannot be read to its end (${code ?? 'unknown'}).`);
  } finally {
    source.destroy();
  }
  if (rest !== '') yield rest;
}
