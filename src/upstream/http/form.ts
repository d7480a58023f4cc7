import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

import type { FileUpload } from '../../chat/model/file';

/** A body of `multipart/form-data` that is sent as a stream, with its length. */
export interface Form {
  readonly contentType: string;
  readonly size: number;
  readonly body: Readable;
}

/** Returns a form with one file, whose field is `file`, after these fields. It reads the file while it is sent. */
export function createForm(file: FileUpload, fields: Readonly<Record<string, string>>): Form {
  const boundary = `form-${randomUUID()}`;
  const part = (header: string) => `--${boundary}\r\nContent-Disposition: form-data; ${header}\r\n`;
  const before = [
    ...Object.entries(fields).map(([name, value]) => `${part(`name="${name}"`)}\r\n${value}\r\n`),
    part(`name="file"; filename="${escaped(file.name)}"`),
    `Content-Type: ${file.mimeType}\r\n\r\n`,
  ].join('');
  const after = `\r\n--${boundary}--\r\n`;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    size: Buffer.byteLength(before) + file.size + Buffer.byteLength(after),
    body: Readable.from(bytes(), { objectMode: false }),
  };

  async function* bytes(): AsyncGenerator<Buffer> {
    yield Buffer.from(before);
    for await (const chunk of file.open() as AsyncIterable<Buffer>) yield chunk;
    yield Buffer.from(after);
  }
}

/** Escapes a name as browsers do. */
function escaped(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
