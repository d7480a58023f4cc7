import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import type { LogPart, NodeBus, SharedLog } from '../../chat';
import type { Redis, RedisClient } from './connection';

/** The topic on which a node says that it follows a turn of another node. */
export const followTopic = 'follow';
const followed = z.object({ turnId: z.string() });

/** How long a stream exists after its node is gone, and after the end of its turn. Seconds. */
const keepSeconds = 300;
const keepEndedSeconds = 60;
/** How often the first of these times begins again. */
const renewEveryMs = 60_000;
/** After an error, the next try comes after this time. */
const retryMs = 1_000;
/** The most characters of JSON in a stream. Above it, the stream begins anew with what the log has kept. */
const maxStreamChars = 2_000_000;

interface Shared {
  readonly log: SharedLog;
  readonly key: string;
  /** Whether Redis must get all events again: the stream can lack some. */
  isUnsure: boolean;
  chars: number;
  /** Grows each time another node begins to follow. */
  follows: number;
  isFollowed: boolean;
}

/**
 * Writes the events of this node's turns to Redis, from the logs that they have anyway. Nothing waits for Redis: while
 * a write is under way, events collect in the logs, and the next write takes them together.
 */
export function createSharing(redis: Redis, onRefused: (error: unknown) => void) {
  const turns = new Map<string, Shared>();
  const changed = new Set<Shared>();
  let isWriting = false;
  redis.onReady(() => {
    for (const turn of turns.values()) {
      turn.isUnsure = true;
      changed.add(turn);
    }
    writeSoon();
  });
  redis.onAway(dropEnded);
  // Turns can say nothing for minutes, e.g. while they wait in a queue.
  setInterval(() => {
    for (const { key } of turns.values()) sendOnly(redis, 'EXPIRE', key, String(keepSeconds));
  }, renewEveryMs).unref();

  return {
    share(log: SharedLog): void {
      const key = redis.key('turn', log.turnId);
      const turn = { log, key, isUnsure: true, chars: 0, follows: 0, isFollowed: false };
      turns.set(log.turnId, turn);
      log.onEvents(() => {
        changed.add(turn);
        writeSoon();
      });
    },
    /** Learns which turns other nodes follow. */
    listen(bus: NodeBus): void {
      bus.listen(followTopic, (message) => {
        const turn = turns.get(followed.safeParse(message).data?.turnId ?? '');
        if (turn === undefined) return;
        turn.follows += 1;
        if (turn.isFollowed) return;
        turn.isFollowed = true;
        // Events that were written before this are not on the channel.
        sendOnly(redis, 'PUBLISH', turn.key, 'look');
      });
    },
  };

  /** All turns of this iteration of the event loop add their events before a microtask runs. */
  function writeSoon(): void {
    if (isWriting) return;
    isWriting = true;
    queueMicrotask(() => void writeAll());
  }

  async function writeAll(): Promise<void> {
    try {
      for (let client = redis.client(); changed.size > 0 && client !== null; client = redis.client()) {
        const batch = [...changed];
        changed.clear();
        const written = await Promise.all(batch.map((turn) => write(turn, client as RedisClient)));
        if (written.includes(false)) await pause(retryMs);
      }
    } finally {
      isWriting = false;
    }
    if (redis.client() === null) dropEnded();
  }

  /** @returns false if Redis has refused the events. They are then written again. Never rejects. */
  async function write(turn: Shared, client: RedisClient): Promise<boolean> {
    const { log, isFollowed, follows } = turn;
    const hasEnded = log.hasEnded();
    const isWhole = turn.isUnsure || turn.chars > maxStreamChars;
    const part = isWhole ? log.all() : log.next();
    turn.isUnsure = false;
    try {
      if (part !== null) {
        const readers = await send(client, turn, part, { isWhole, hasEnded });
        if (readers === 0 && isFollowed && turn.follows === follows) turn.isFollowed = false;
      }
      if (hasEnded) turns.delete(log.turnId);
      return true;
    } catch (error) {
      turn.isUnsure = true;
      if (redis.client() === null) return true;
      onRefused(error);
      changed.add(turn);
      return false;
    }
  }

  /** A stream of an ended turn is not needed: other nodes read its saved rows. */
  function dropEnded(): void {
    for (const [turnId, { log }] of turns) if (log.hasEnded()) turns.delete(turnId);
  }
}

/** Sends a command whose reply nobody needs. Never rejects. */
function sendOnly(redis: Redis, ...args: readonly string[]): void {
  redis
    .client()
    ?.sendCommand(args)
    .catch(() => undefined);
}

/** @returns how many nodes have heard of it; undefined if none follows. @throws the error of Redis. */
async function send(
  client: RedisClient,
  turn: Shared,
  { firstId, lastId, json }: LogPart,
  { isWhole, hasEnded }: { readonly isWhole: boolean; readonly hasEnded: boolean },
): Promise<number | undefined> {
  const { key, isFollowed } = turn;
  turn.chars = (isWhole ? 0 : turn.chars) + json.length;
  const add = ['XADD', key, String(lastId), String(firstId), json];
  const expire = ['EXPIRE', key, String(hasEnded ? keepEndedSeconds : keepSeconds)];
  const run = <T>(args: readonly string[]): Promise<T> => client.sendCommand(args, { timeout: 0 });
  // One after another, without a wait: Redis gets them together.
  const written = isWhole
    ? // In one transaction, so that no reader finds an empty stream between them.
      client.multi().addCommand(['DEL', key]).addCommand(add).addCommand(expire).exec()
    : Promise.all([run(add), hasEnded && run(expire)]);
  const heard = isFollowed ? run<number>(['PUBLISH', key, `${firstId} ${lastId} ${json}`]) : undefined;
  await Promise.all([written, heard]);
  return heard;
}
