import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import type { LogPart, LogReader, NodeBus } from '../../chat';
import type { Channels } from './channels';
import type { Redis, RedisClient } from './connection';
import { followTopic } from './sharing';

/** How often a node looks for events of a silent turn, because Redis's channels can lose a message. */
const lookEveryMs = 1_000;
const firstEventsMs = 50;
/** Entries of one reply. */
const maxEntries = 500;

const entriesOf = z.array(z.tuple([z.string(), z.tuple([z.string(), z.string()])]));

export interface JoinOptions {
  readonly redis: Redis;
  readonly channels: Channels;
  readonly bus: NodeBus;
}

export interface JoinRequest {
  readonly turnId: string;
  readonly isRunning: boolean;
  readonly reader: LogReader;
}

/** Reads a turn of another node from its stream. From then on, the other node sends the events by a channel, too. */
export async function joinTurn(
  { redis, channels, bus }: JoinOptions,
  { turnId, isRunning, reader }: JoinRequest,
): Promise<(() => void) | null> {
  if (redis.client() === null) return null;
  const key = redis.key('turn', turnId);
  let lastId = 0;
  let hasLeft = false;
  let reading: Promise<void> | undefined;
  let isMissing = false;
  const listening = channels.listen(key, (text) => {
    const part = toPart(text);
    // While the stream is read, events by the channel would come before older ones.
    if (part !== null && reading === undefined && part.firstId <= lastId + 1) take(part);
    else void readSoon();
  });
  const ask = () => bus.send(followTopic, { turnId });
  const timer = setInterval(() => {
    ask();
    void readSoon();
  }, lookEveryMs).unref();
  await listening.begun;
  ask();
  await readSoon();
  // The first events of a new turn can still be on their way.
  for (let tries = 1; isRunning && tries <= 3 && lastId === 0 && !hasLeft; tries += 1) {
    await pause(firstEventsMs);
    await readSoon();
  }
  if (lastId === 0) leave();
  return hasLeft ? null : leave;

  function leave(): void {
    hasLeft = true;
    clearInterval(timer);
    listening.end();
  }

  function take(part: LogPart): void {
    if (hasLeft || part.lastId <= lastId) return;
    lastId = part.lastId;
    reader.take(part);
  }

  /** Reads the stream after the last known event. A call during a read lets it look once more. Never rejects. */
  function readSoon(): Promise<void> {
    if (reading === undefined) reading = readAll().finally(() => (reading = undefined));
    else isMissing = true;
    return reading;
  }

  async function readAll(): Promise<void> {
    do {
      isMissing = false;
      await read();
    } while (isMissing && !hasLeft);
  }

  async function read(): Promise<void> {
    const client = redis.client();
    try {
      if (client === null) throw new Error('Redis is away.');
      while (!hasLeft && (await readEntries(client)) === maxEntries);
    } catch {
      if (hasLeft) return;
      leave();
      reader.lost();
    }
  }

  /** @returns how many entries the stream had. @throws the error of Redis, or of the reader. */
  async function readEntries(client: RedisClient): Promise<number> {
    const start = lastId === 0 ? '-' : `(${lastId}`;
    const reply = await client.sendCommand(['XRANGE', key, start, '+', 'COUNT', String(maxEntries)]);
    const entries = entriesOf.parse(reply);
    for (const [id, [firstId, json]] of entries) {
      take({ firstId: Number(firstId), lastId: parseInt(id, 10), json });
    }
    return entries.length;
  }
}

/** Parses a text of the channel. Returns null if it is not one. */
function toPart(text: string): LogPart | null {
  const match = /^(?<firstId>\d+) (?<lastId>\d+) (?<json>\[.*\])$/su.exec(text);
  if (match?.groups === undefined) return null;
  const { firstId, lastId, json = '' } = match.groups;
  return { firstId: Number(firstId), lastId: Number(lastId), json };
}
