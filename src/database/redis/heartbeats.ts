import { randomUUID } from 'node:crypto';

import { settledWithin } from '../../chat';
import type { Redis } from './connection';

/** Says which processes live, by keys that expire unless their process renews them. */
export interface Heartbeats {
  /** The name of this process for what it holds in Redis. */
  readonly nodeId: string;
  /** @param lockName returns a second name of this process, or null. */
  start(lockName: () => string | null): void;
  /** Returns whether others have seen this process by `lockName` within the last moments. */
  isSeen(): boolean;
  /** Returns the processes that have not renewed their keys for seconds. Returns none while Redis is away. */
  findMissing(names: readonly string[]): Promise<ReadonlySet<string>>;
  /** Removes the keys, because this process has ended its work. */
  stop(): Promise<void>;
}

export const beatEveryMs = 500;
/** Longer than a usual pause of a process, e.g. for a garbage collection. */
export const livesMs = 3_000;
/** A Redis that was restarted is empty. In this time, all living processes have renewed their keys. */
const missingForMs = 1_000;
const seenMs = 1_500;
const replyMs = 1_000;

export function createHeartbeats(redis: Redis): Heartbeats {
  const nodeId = randomUUID();
  const missingSince = new Map<string, number>();
  let lockName: () => string | null = () => null;
  let seenAtMs = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  const keyOf = (name: string) => nodeKey(redis, name);
  const ownNames = () => [nodeId, lockName()].filter((name) => name !== null);
  redis.onReady(() => void beat());
  redis.onAway(() => missingSince.clear());

  return {
    nodeId,
    start(given) {
      lockName = given;
      timer ??= setInterval(() => void beat(), beatEveryMs);
      void beat();
    },
    isSeen: () => performance.now() - seenAtMs < seenMs,
    async findMissing(names) {
      const client = redis.client();
      if (client === null || names.length === 0) return new Set();
      const reading = client.sendCommand<(string | null)[]>(['MGET', ...names.map(keyOf)]);
      const found = await settledWithin(
        replyMs,
        reading.catch(() => null),
      );
      // Redis is slow or away, so earlier results say nothing either.
      if (found === undefined || found === null) missingSince.clear();
      return found === undefined || found === null ? new Set() : look(names, found);
    },
    async stop() {
      clearInterval(timer);
      const client = redis.client();
      const removing = client?.sendCommand(['DEL', ...ownNames().map(keyOf)]).catch(() => undefined);
      await settledWithin(replyMs, Promise.resolve(removing));
    },
  };

  async function beat(): Promise<void> {
    const client = redis.client();
    if (client === null) return;
    const sentAtMs = performance.now();
    const sending = ownNames().map((name) =>
      client.sendCommand(['SET', keyOf(name), '1', 'PX', String(livesMs)]),
    );
    await Promise.all(sending).then(
      () => (seenAtMs = sentAtMs),
      () => undefined,
    );
  }

  function look(names: readonly string[], found: readonly (string | null)[]): ReadonlySet<string> {
    const nowMs = performance.now();
    for (const name of missingSince.keys()) if (!names.includes(name)) missingSince.delete(name);
    return new Set(
      names.filter((name, index) => {
        if (found[index] !== null) missingSince.delete(name);
        else if (!missingSince.has(name)) missingSince.set(name, nowMs);
        return nowMs - (missingSince.get(name) ?? nowMs) >= missingForMs;
      }),
    );
  }
}

/** Returns the key that exists while this process lives. */
export function nodeKey(redis: Pick<Redis, 'key'>, name: string): string {
  return redis.key('node', name);
}
