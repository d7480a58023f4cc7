import type { Plan } from '../upstream/plan';

/** Something a client can put a question to, and what it costs. */
export interface Target {
  /** `nginx`, `ours/sqlite`. */
  readonly name: string;
  /** What it does for a turn, and with that what its figures can be held against. */
  readonly does: string;
  port(): number;
  /** The processes whose cost is its cost. */
  pids(): readonly number[];
  /** HTTP requests for one turn each, for different users where it knows users. */
  requests(plan: Plan): readonly string[];
  /** Has its processes give back the memory they do not need, as far as they can be told to. */
  collectGarbage(): Promise<void>;
  /** Begins anew, with the memory of a fresh process. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The way past every relay. */
export const direct = 'direct';

export interface RequestParts {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly keepAlive?: boolean;
}

export function toRequest({
  method = 'POST',
  path,
  headers = {},
  body,
  keepAlive = false,
}: RequestParts): string {
  const json = body === undefined ? '' : JSON.stringify(body);
  const lines = Object.entries({
    Host: '127.0.0.1',
    Connection: keepAlive ? 'keep-alive' : 'close',
    ...(body !== undefined && {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(json),
    }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${json}`;
}
