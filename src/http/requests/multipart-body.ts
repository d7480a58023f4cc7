import { randomBytes } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

import { Busboy } from '@fastify/busboy';
import type { Context } from 'koa';

import { ChatError } from '../../chat';
import { onClosed } from '../on-closed';
import { decodeBody } from './request-body';

/** An uploaded file as Strapi's upload plugin expects it. */
export interface UploadedFile {
  readonly filepath: string;
  readonly newFilename: string;
  readonly originalFilename: string | undefined;
  readonly mimetype: string;
  /** In bytes. */
  size: number;
}

/** A parsed body. Parts with the same name become an array. */
export interface MultipartBody {
  readonly fields: Readonly<Record<string, string | string[]>>;
  readonly files: Readonly<Record<string, UploadedFile | UploadedFile[]>>;
}

const maxFiles = 100;
const maxFields = 100;
const maxFieldBytes = 100_000;

/** Returns whether the request has a multipart body of any kind, also with a malformed `Content-Type`. */
export function hasMultipartBody(ctx: Context): boolean {
  const isSent = ctx.get('Content-Length') !== '' || ctx.get('Transfer-Encoding') !== '';
  return isSent && /^\s*multipart\//iu.test(ctx.get('Content-Type'));
}

/**
 * Reads a `multipart/form-data` body and writes its files into `folder`. If it fails, it first closes all these files.
 * @throws ChatError `payload-too-large` or `invalid-request`. Also throws file system errors unchanged.
 */
export async function readMultipart(ctx: Context, folder: string, maxBytes: number): Promise<MultipartBody> {
  if (Number(ctx.get('Content-Length')) > maxBytes) throw tooLarge(maxBytes);
  const fields: [string, string][] = [];
  const files: [string, UploadedFile][] = [];
  const outputs: WriteStream[] = [];
  const parser = createParser(ctx);
  // This starts to read. Only code below handles its errors, so nothing between may throw.
  const body = decodeBody(ctx);

  try {
    await new Promise<void>((resolve, reject) => {
      const writing: Promise<void>[] = [];
      let bytes = 0;
      const leave = () => reject(new ChatError('invalid-request', { sentence: 'The upload broke off.' }));
      if (ctx.res.closed) return leave();
      ctx.res.once('close', leave);
      for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
        parser.on(limit, () => reject(tooManyParts()));
      }
      parser.on('error', (error) => reject(malformed(error)));
      parser.on('field', (name, value, _nameIsCut, valueIsCut) => {
        if (valueIsCut) reject(tooManyParts());
        if (isMalformedUtf8(name) || isMalformedUtf8(value)) reject(notUtf8());
        fields.push([name, value]);
      });
      parser.on('file', (name, content, originalFilename, _encoding, mimetype) => {
        if (isMalformedUtf8(name) || isMalformedUtf8(originalFilename)) reject(notUtf8());
        const newFilename = randomBytes(12).toString('hex');
        const filepath = path.join(folder, newFilename);
        const output = createWriteStream(filepath);
        outputs.push(output);
        const file = { filepath, newFilename, originalFilename, mimetype, size: 0 };
        files.push([name, file]);
        const written = pipeline(content, output).then(() => {
          file.size = output.bytesWritten;
        });
        writing.push(written);
        written.catch((error: unknown) => reject(isFileSystemError(error) ? error : malformed(error)));
      });
      parser.on('finish', () => {
        Promise.all(writing).then(() => resolve(), reject);
      });
      body.stream.on('error', (error) => reject(body.toClientError(error)));
      body.stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) reject(tooLarge(maxBytes));
      });
      body.stream.pipe(parser);
    });
  } catch (error) {
    body.stream.unpipe(parser);
    body.stop();
    for (const output of outputs) output.destroy();
    await Promise.all(outputs.map(closed));
    throw error;
  }
  return { fields: grouped(fields), files: grouped(files) };
}

/** Settles when the file is closed. (`once` would reject on the error that closed it.) */
function closed(output: WriteStream): Promise<void> {
  return new Promise((resolve) => onClosed(output, resolve));
}

function createParser(ctx: Context) {
  try {
    return new Busboy({
      headers: { ...ctx.req.headers, 'content-type': ctx.get('Content-Type') },
      limits: { files: maxFiles, fields: maxFields, fieldSize: maxFieldBytes, headerPairs: 20 },
    });
  } catch (error) {
    throw malformed(error);
  }
}

function grouped<T>(entries: readonly (readonly [string, T])[]): Record<string, T | T[]> {
  const groups = new Map<string, T | T[]>();
  for (const [name, value] of entries) {
    const before = groups.get(name);
    groups.set(
      name,
      before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value],
    );
  }
  return Object.fromEntries(groups);
}

/** Busboy decodes texts itself and replaces malformed UTF-8. A text of an upload has no other reason for U+FFFD. */
const isMalformedUtf8 = (text: string | undefined) => text?.includes('\uFFFD') ?? false;

const isFileSystemError = (error: unknown) => error instanceof Error && 'syscall' in error;

const tooLarge = (maxBytes: number) =>
  new ChatError('payload-too-large', {
    sentence: `The upload is larger than ${maxBytes} bytes. Send less.`,
  });

const tooManyParts = () =>
  new ChatError('payload-too-large', {
    sentence: `An upload holds at most ${maxFiles} files and ${maxFields} fields of ${maxFieldBytes} bytes each.`,
  });

const notUtf8 = () =>
  new ChatError('invalid-request', { sentence: 'The names and fields of the body must be UTF-8.' });

const malformed = (cause: unknown) =>
  new ChatError('invalid-request', { sentence: 'The body must be valid multipart/form-data.', cause });
