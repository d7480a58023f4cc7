import { settledWithin, type SharedPlaces } from '../../chat';
import type { Redis, RedisClient } from './connection';
import { nodeKey, type Heartbeats } from './heartbeats';

/**
 * Sets how many places this process holds, if all processes together then hold at most the maximum. Removes those of dead
 * processes. A place has the count of each process, and a process sends its whole count each time. So a count that was
 * wrong after a break is right with the next one.
 */
const takeScript = `
local own = tonumber(ARGV[2])
local total = own
local counts = redis.call('HGETALL', KEYS[1])
for i = 1, #counts, 2 do
  if counts[i] ~= ARGV[1] then
    if redis.call('EXISTS', ARGV[4] .. counts[i]) == 1 then
      total = total + tonumber(counts[i + 1])
    else
      redis.call('HDEL', KEYS[1], counts[i])
    end
  end
end
if total > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], own)
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1`;

/** A name that nobody uses any more disappears after this time. */
const forgetSeconds = 86_400;
/** How long a caller waits for Redis. After that, the limit of its own process is enough. */
const replyMs = 250;

/** Counts places in one hash for each name, with a field for each process. */
export function createSharedPlaces(redis: Redis, { nodeId }: Pick<Heartbeats, 'nodeId'>): SharedPlaces {
  /** How many places this process holds. */
  const held = new Map<string, number>();
  /** The names whose count Redis may not know. */
  const unsent = new Set<string>();
  redis.onReady(() => {
    for (const name of [...unsent, ...held.keys()]) send(name);
  });
  return {
    async take(name, max) {
      const release = hold(name);
      const client = redis.client();
      if (client === null) {
        unsent.add(name);
        return release;
      }
      const taking = isTaken(client, name, max);
      const taken = await settledWithin(
        replyMs,
        taking.catch(() => null),
      );
      if (taken !== false) return release;
      release();
      return null;
    },
  };

  /** @returns whether there was room. */
  async function isTaken(client: RedisClient, name: string, max: number): Promise<boolean> {
    const own = String(held.get(name) ?? 0);
    const nodes = nodeKey(redis, '');
    const reply = await client.eval(takeScript, {
      keys: [keyOf(name)],
      arguments: [nodeId, own, String(max), nodes, String(forgetSeconds)],
    });
    return reply === 1;
  }

  function hold(name: string): () => void {
    held.set(name, (held.get(name) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (held.get(name) ?? 0) - 1;
      if (left > 0) held.set(name, left);
      else held.delete(name);
      send(name);
    };
  }

  /** Sends the count without a check. */
  function send(name: string): void {
    const count = held.get(name);
    const command =
      count === undefined ? ['HDEL', keyOf(name), nodeId] : ['HSET', keyOf(name), nodeId, String(count)];
    unsent.add(name);
    redis
      .client()
      ?.sendCommand(command)
      .then(
        () => unsent.delete(name),
        () => undefined,
      );
  }

  function keyOf(name: string): string {
    return redis.key('places', name);
  }
}
