import { setTimeout as pause } from 'node:timers/promises';

import type { createClient } from 'redis';

import { LoggableError } from '../../chat';

export type RedisClient = ReturnType<typeof createClient>;

/** One connection to Redis. It connects again after each break. */
export interface Link {
  /** Returns null before `start` has loaded the client. */
  client(): RedisClient | null;
  /** Returns whether Redis is connected and answers. */
  isReady(): boolean;
  start(): void;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly url: string;
  /** Called when `isReady` can have changed. */
  readonly onChange: () => void;
  /** Called with each error of the connection. */
  readonly onFailed: (error: unknown) => void;
}

const connectTimeoutMs = 5_000;
const pingEveryMs = 2_000;
/** A Redis that has not answered for so long counts as away. A slow one may take seconds. */
const silentMs = 6_000;
const longestPauseMs = 1_000;
/** A command that does not get its reply in this time fails. */
const commandTimeoutMs = 5_000;

/** Loads the client library only when it starts, because most installations have one process and no Redis. */
export function createLink({ url, onChange, onFailed }: LinkOptions): Link {
  let client: RedisClient | null = null;
  let isAnswering = true;
  const closing = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  return {
    client: () => client,
    isReady: () => client !== null && client.isReady && isAnswering,
    start() {
      running = run().catch(onFailed);
    },
    async close() {
      closing.abort();
      if (client?.isOpen === true) client.destroy();
      await running;
    },
  };

  async function run(): Promise<void> {
    const { createClient } = await import('redis');
    if (closing.signal.aborted) return;
    client = createClient({
      url,
      // Without this, commands wait for a Redis that is away, and their callers with them.
      disableOfflineQueue: true,
      maintNotifications: 'disabled',
      commandOptions: { timeout: commandTimeoutMs },
      socket: {
        connectTimeout: connectTimeoutMs,
        reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, longestPauseMs),
      },
    });
    client.on('error', (error: unknown) => onFailed(toLoggable(error)));
    for (const event of ['ready', 'end', 'reconnecting']) client.on(event, onChange);
    // It rejects only if it is closed before it has connected.
    void client.connect().catch(() => undefined);
    await watch(client);
  }

  /** A Redis that hangs keeps its connections open. So ask it regularly whether it answers. */
  async function watch(client: RedisClient): Promise<void> {
    const { signal } = closing;
    while (!signal.aborted) {
      await pause(pingEveryMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      if (client.isReady) await ping(client);
    }
  }

  async function ping(client: RedisClient): Promise<void> {
    const timer = setTimeout(() => {
      isAnswering = false;
      onFailed(new LoggableError('REDIS_SILENT', 'Redis does not answer'));
    }, silentMs);
    try {
      await client.sendCommand(['PING'], { timeout: 0 });
      isAnswering = true;
    } catch {
      // The connection is lost, which the client reports itself.
      isAnswering = true;
    } finally {
      clearTimeout(timer);
    }
    onChange();
  }
}

/** Returns the reply of Redis as an error for the log. It says e.g. that the password is wrong, and never quotes it. */
function toLoggable(error: unknown): unknown {
  const { message } = error as Partial<Error>;
  const code = /^(?<code>[A-Z]{4,20}) /u.exec(message ?? '')?.groups?.['code'];
  return code === undefined ? error : new LoggableError(code, message ?? '');
}
