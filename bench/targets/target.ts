import type { Plan } from '../upstream/plan';

/** Something that clients can ask questions, and whose cost is measured. */
export interface Target {
  /** E.g. `nginx`, `ours/sqlite`. */
  readonly name: string;
  /** The work that it does for a turn. It shows with which targets its figures can be compared. */
  readonly does: string;
  port(): number;
  /** The processes whose cost is measured. */
  pids(): readonly number[];
  /** Returns HTTP requests for one turn each. If the target has users, each request has another user. */
  requests(plan: Plan): readonly string[];
  /** Collects garbage in its processes, if they support it. */
  collectGarbage(): Promise<void>;
  /** Restarts it, with the memory of a new process. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The name of the target without a relay. */
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
