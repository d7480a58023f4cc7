import { describeError, LoggableError, type Log } from '../../chat';
import { createKeys, type Key } from './keys';
import { createLink, type RedisClient } from './link';

export type { RedisClient } from './link';

/** The connections of this process to Redis. It has two, because messages of others must not wait for commands. */
export interface Redis {
  /** Returns the client for commands. Null while Redis is away: the process then works alone. */
  client(): RedisClient | null;
  /** Returns the client for `SUBSCRIBE`. Null before the first connection. It subscribes again after each break. */
  subscriber(): RedisClient | null;
  readonly key: Key;
  /** Connects in the background, and again after each break. The start of the server does not wait for Redis. */
  start(): void;
  /**
   * Calls `listener` each time Redis can be used again, also the first time. It may have lost messages before.
   * @returns a function that ends this.
   */
  onReady(listener: () => void): () => void;
  /** Calls `listener` each time Redis can no longer be used. */
  onAway(listener: () => void): void;
  /** Ends both connections. Settles when nothing is sent any more. */
  close(): Promise<void>;
}

export interface RedisOptions {
  readonly url: string;
  /** A secret of this installation, the same in all its processes. See `createKeys`. */
  readonly secret: string;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

type State = 'unknown' | 'ready' | 'away';

export function createRedis({ url, secret, log }: RedisOptions): Redis {
  const listeners = { ready: new Set<() => void>(), away: new Set<() => void>() };
  let state: State = 'unknown';
  let isClosed = false;
  const report = { onChange: look, onFailed: fail };
  const commands = createLink({ url, ...report });
  const messages = createLink({ url, ...report });
  return {
    client: () => (state === 'ready' ? commands.client() : null),
    subscriber: () => messages.client(),
    key: createKeys(secret),
    start() {
      for (const link of [commands, messages]) link.start();
    },
    onReady(listener) {
      const own = () => listener();
      listeners.ready.add(own);
      return () => void listeners.ready.delete(own);
    },
    onAway: (listener) => void listeners.away.add(listener),
    async close() {
      isClosed = true;
      state = 'away';
      await Promise.all([commands.close(), messages.close()]);
    },
  };

  function look(): void {
    if (isClosed) return;
    const isReady = commands.isReady() && messages.isReady();
    if (isReady && state !== 'ready') {
      log.info(state === 'away' ? 'Redis is back.' : 'Redis is connected: this process works with others.');
      state = 'ready';
      for (const listener of listeners.ready) listener();
    }
    if (!isReady && state === 'ready') fail(new LoggableError('REDIS_LOST', 'The connection is lost'));
  }

  /** Says it once, although the client tries again and again. */
  function fail(error: unknown): void {
    if (isClosed || state === 'away') return;
    const wasReady = state === 'ready';
    state = 'away';
    log.warn(`Redis is away. This process goes on alone until it is back: ${describeError(error)}`);
    if (wasReady) for (const listener of listeners.away) listener();
  }
}
