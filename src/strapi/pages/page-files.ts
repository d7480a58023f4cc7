import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import etag from 'etag';

/** A file of a built page. */
export interface PageFile {
  /** The content type. */
  readonly type: string;
  readonly content: Buffer;
  /** Weak, because the compressed file has the same tag. */
  readonly tag: string;
  /** Whether its name changes with its content. */
  readonly isHashed: boolean;
  /** Returns the compressed content, made once. Returns null if that is not smaller. */
  compress(): Promise<Buffer | null>;
}

/** The files of a built page, by the path below its folder, e.g. `assets/index-1a2b3c4d.js`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

export const indexFile = 'index.html';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

const compressed = promisify(gzip);

/**
 * Creates a function that returns the files of a folder. It reads them again only after a new build.
 * The function returns null if the folder has no page.
 */
export function createPageReader(folder: string): () => PageFiles | null {
  let files: PageFiles | null = null;
  let builtAtMs: number | undefined;

  return function read() {
    const changedAtMs = statSync(path.join(folder, indexFile), { throwIfNoEntry: false })?.mtimeMs;
    if (changedAtMs === builtAtMs) return files;
    files = changedAtMs === undefined ? null : readFolder(folder);
    builtAtMs = changedAtMs;
    return files;
  };
}

function readFolder(folder: string): PageFiles {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return new Map(
    names
      .filter((name) => Object.hasOwn(types, path.extname(name)))
      .map((name) => [
        name.split(path.sep).join('/'),
        toPageFile(name, readFileSync(path.join(folder, name))),
      ]),
  );
}

function toPageFile(name: string, content: Buffer): PageFile {
  const type = types[path.extname(name)] ?? '';
  let smaller: Promise<Buffer | null> | undefined;
  return {
    type,
    content,
    tag: etag(content, { weak: true }),
    // Vite puts the digest of a file into its name, only in this folder.
    isHashed: path.dirname(name) === 'assets',
    compress: () => (smaller ??= compressIfSmaller(content)),
  };
}

async function compressIfSmaller(content: Buffer): Promise<Buffer | null> {
  const bytes = await compressed(content);
  return bytes.length < content.length ? bytes : null;
}
