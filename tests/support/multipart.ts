import { readdir, stat } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';

export const boundary = 'boundary-of-tests';

/** A PNG of one pixel. */
export const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

/** Returns the beginning of a part with a file. */
export function fileHead(field = 'files', filename = 'pixel.png', type = 'image/png'): string {
  return (
    `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${filename}"\r\n` +
    `Content-Type: ${type}\r\n\r\n`
  );
}

export const end = `\r\n--${boundary}--\r\n`;

/** Returns a whole body with one file. */
export function fileBody(
  content: Buffer | string = pixel,
  field?: string,
  filename?: string,
  type?: string,
): Buffer {
  return Buffer.concat([
    Buffer.from(fileHead(field, filename, type)),
    Buffer.from(content),
    Buffer.from(end),
  ]);
}

export interface UploadReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each test checks the shape that it expects
  readonly body: any;
}

/** A request on its own connection. The test sends its body in pieces. */
export interface Upload {
  /** Settles when the kernel has the bytes, or the connection is closed. */
  write(bytes: Buffer | string): Promise<void>;
  end(): void;
  /** The whole reply, or null if the connection ended before a reply. */
  readonly reply: Promise<UploadReply | null>;
  /** Settles when the client or the server has closed the connection. */
  readonly closed: Promise<void>;
  destroy(): void;
}

export function openUpload(
  url: string,
  method: string,
  pathname: string,
  headers: Readonly<Record<string, string>> = {},
): Upload {
  const outgoing = request(`${url}${pathname}`, {
    method,
    agent: false,
    headers: {
      'Content-Type': `multipart/form-data; boundary=${boundary}`,
      ...(headers['Content-Length'] === undefined && { 'Transfer-Encoding': 'chunked' }),
      ...headers,
    },
  });
  outgoing.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    outgoing.once('socket', (socket) => socket.once('close', () => resolve()));
  });
  const reply = new Promise<UploadReply | null>((resolve) => {
    outgoing.once('close', () => resolve(null));
    outgoing.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        const isWhole = Buffer.byteLength(text) === Number(response.headers['content-length'] ?? Infinity);
        if (isWhole) settle();
      });
      response.on('error', () => undefined).once('end', () => settle());
      const settle = () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: parse(text) });
    });
  });
  outgoing.flushHeaders();
  return {
    async write(bytes) {
      const written = new Promise<void>((resolve) => outgoing.write(bytes, () => resolve()));
      await Promise.race([written, closed]);
    },
    end: () => void outgoing.end(),
    reply,
    closed,
    destroy: () => void outgoing.destroy(),
  };
}

/** Sends a whole body. */
export async function upload(
  url: string,
  method: string,
  pathname: string,
  body: Buffer | string,
  headers?: Readonly<Record<string, string>>,
): Promise<UploadReply> {
  const opened = openUpload(url, method, pathname, headers);
  await opened.write(body);
  opened.end();
  const reply = await opened.reply;
  if (reply === null) throw new Error(`${method} ${pathname}: the connection ended without a reply.`);
  return reply;
}

/** Finds all files in a folder and its subfolders. */
export async function filesIn(folder: string): Promise<{ count: number; bytes: number; names: string[] }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const sizes = await Promise.all(
    names.map((name) =>
      stat(name).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return { count: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0), names };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
