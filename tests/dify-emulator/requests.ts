import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** A request to the emulator. `body` is parsed JSON or the fields of a form, or the text if it is neither. */
export type RecordedRequest = {
  readonly method: string;
  /** Includes the query string. */
  readonly path: string;
  /** Header names are in lower case. */
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  readonly at: Date;
};

export async function recordRequest(req: IncomingMessage): Promise<RecordedRequest> {
  const at = new Date();
  const bytes = await readBytes(req);
  const { method = 'GET', url: path = '/', headers } = req;
  const form = isFormRequest({ headers }) ? await readForm(headers, bytes) : undefined;
  return { method, path, headers, body: form ?? parseOr(bytes.toString('utf8')), at };
}

async function readBytes(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

/** A file in the `body` of a request. */
export type UploadedFile = { readonly name: string; readonly type: string; readonly bytes: Buffer };

export function isUploadedFile(value: unknown): value is UploadedFile {
  return isRecord(value) && Buffer.isBuffer(value['bytes']);
}

async function readForm(headers: IncomingHttpHeaders, bytes: Buffer): Promise<Record<string, unknown>> {
  const type = { 'content-type': headers['content-type'] ?? '' };
  const form = await new Response(new Uint8Array(bytes), { headers: type }).formData();
  const fields = [...form].map(async ([name, value]): Promise<[string, unknown]> => {
    if (typeof value === 'string') return [name, value];
    return [name, { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) }];
  });
  return Object.fromEntries(await Promise.all(fields));
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isFormRequest({ headers }: Pick<RecordedRequest, 'headers'>): boolean {
  return /^multipart\/form-data\b/iu.test(headers['content-type'] ?? '');
}

export function isJsonRequest({ headers }: RecordedRequest): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/iu.test(headers['content-type'] ?? '');
}
