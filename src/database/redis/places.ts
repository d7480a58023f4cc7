import { settledWithin, type SharedPlaces } from '../../chat';
import type { Redis, RedisClient } from './connection';
import { nodeKey, type Heartbeats } from './heartbeats';

/**
 * Sets how many places this process holds, if all processes together then hold at most the maximum. Removes those of dead
 * processes. A place has the count of each process, and a process sends its whole count each time. So a count that was
 * wrong after a break is right with the next one.
 *
 * The second key is the line: each process that waits, since when, and when it last asked. A free place belongs to the
 * processes that wait longest. A process that has got a place goes to the end, so processes take turns.
 */
const takeScript = `
local node, own, max = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local total = own
local counts = redis.call('HGETALL', KEYS[1])
for i = 1, #counts, 2 do
  if counts[i] ~= node then
    if redis.call('EXISTS', ARGV[4] .. counts[i]) == 1 then
      total = total + tonumber(counts[i + 1])
    else
      redis.call('HDEL', KEYS[1], counts[i])
    end
  end
end
if ARGV[6] == 'line' then
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local since = now
  local others = {}
  local line = redis.call('HGETALL', KEYS[2])
  for i = 1, #line, 2 do
    local from, seen = string.match(line[i + 1], '(%d+) (%d+)')
    if now - seen > tonumber(ARGV[7]) * 1000 then
      redis.call('HDEL', KEYS[2], line[i])
    elseif line[i] == node then
      since = tonumber(from)
    else
      others[#others + 1] = tonumber(from)
    end
  end
  for _, from in ipairs(others) do
    if from < since then total = total + 1 end
  end
  if total > max then
    redis.call('HSET', KEYS[2], node, string.format('%.0f %.0f', since, now))
    redis.call('EXPIRE', KEYS[2], ARGV[5])
    return 0
  end
  redis.call('HDEL', KEYS[2], node)
end
if total > max then return 0 end
redis.call('HSET', KEYS[1], node, own)
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1`;

/** A name that nobody uses any more disappears after this time. */
const forgetSeconds = 86_400;
/** A process that has not asked for so long does not wait any more. */
const inLineMs = 1_000;
/** How long a caller waits for Redis. After that, the limit of its own process is enough. */
const replyMs = 250;

interface Wanted {
  readonly name: string;
  readonly max: number;
  readonly isInLine: boolean;
}

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
    async take(name, max, isInLine = false) {
      const release = hold(name);
      const client = redis.client();
      if (client === null) {
        unsent.add(name);
        return release;
      }
      const taking = isTaken(client, { name, max, isInLine });
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
  async function isTaken(client: RedisClient, { name, max, isInLine }: Wanted): Promise<boolean> {
    const own = String(held.get(name) ?? 0);
    const nodes = nodeKey(redis, '');
    const reply = await client.eval(takeScript, {
      keys: [keyOf(name), redis.key('line', name)],
      arguments: [
        nodeId,
        own,
        String(max),
        nodes,
        String(forgetSeconds),
        isInLine ? 'line' : 'now',
        String(inLineMs),
      ],
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
