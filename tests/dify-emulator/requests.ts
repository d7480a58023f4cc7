import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** A request to the emulator. `body` is parsed JSON, or the text if it is not JSON. */
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
  const text = await readText(req);
  const { method = 'GET', url: path = '/', headers } = req;
  return { method, path, headers, body: parseOr(text), at };
}

async function readText(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString('utf8');
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

export function isJsonRequest({ headers }: RecordedRequest): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/iu.test(headers['content-type'] ?? '');
}
