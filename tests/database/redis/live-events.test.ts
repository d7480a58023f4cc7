import { createLiveTurns, createTurnLog } from '../../../src/chat/stream/live-turns';
import { createJoinedTurns } from '../../../src/chat/stream/joined-turns';
import { toMessageHead } from '../../../src/chat/stream/message-head';
import type { Batches } from '../../../src/chat/stream/follower';
import type { Frame } from '../../../src/chat/stream/sse';
import { createChannels } from '../../../src/database/redis/channels';
import { createLiveEvents } from '../../../src/database/redis/live-events';
import { createNodeBus } from '../../../src/database/redis/node-bus';
import { envelope, failed } from '../../chat/support/stream-events';
import { describeWithRedis } from '../../support/describe-with-redis';
import { until } from '../../support/until';
import { startRedisNodes, type RedisNodes } from './support/nodes';

const head = toMessageHead(envelope);

async function collect(batches: Batches): Promise<readonly Frame[]> {
  const all: Frame[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

describeWithRedis('live events in Redis', () => {
  let nodes: RedisNodes;

  beforeEach(async () => {
    nodes = await startRedisNodes();
  });
  afterEach(() => nodes.close());

  /** Starts a node. */
  async function join() {
    const lines: string[] = [];
    const log = { info: () => undefined, warn: (line: string) => void lines.push(line) };
    const redis = await nodes.connect(log);
    const channels = createChannels(redis);
    const bus = createNodeBus(redis, channels);
    // A message shows that the node hears what others follow.
    const liveEvents = createLiveEvents({ redis, channels, bus, log });
    await bus.listen('follow', () => undefined).begun;
    const live = createLiveTurns((turn) => liveEvents.share(turn.toShared()));
    const joined = createJoinedTurns({ liveEvents, maxChars: 100_000, silentMs: 60_000 });
    return { redis, live, joined, lines };
  }

  function begin(live: ReturnType<typeof createLiveTurns>, turnId = 'turn-1') {
    const turn = createTurnLog({
      turnId,
      sessionId: 'session-1',
      ownerId: 1,
      rateLimit: null,
      maxChars: 100_000,
    });
    live.add(turn);
    turn.append({ event: 'turn_started', ...envelope, question_message_id: 'msg-0' });
    const own = collect(turn.follow(0, new AbortController().signal));
    return { turn, own };
  }

  const never = () => Promise.resolve(false);

  it('are the same at another node, before and after it begins to follow', async () => {
    const [one, other] = [await join(), await join()];
    const { turn, own } = begin(one.live);
    for (const text of ['The ', 'sea ']) turn.appendText(head, text);
    const joined = await other.joined.join('turn-1', true, never);
    const theirs = collect((joined as NonNullable<typeof joined>).follow(0, new AbortController().signal));
    for (let index = 0; index < 500; index += 1) {
      turn.appendText(head, `${index} `);
      if (index % 50 === 0) await new Promise(setImmediate);
    }
    turn.append(failed);
    expect(await theirs).toEqual(await own);
    expect(await joined?.ended).toEqual(failed);
  });

  it('are found after the end of their turn, also while messages about it arrive', async () => {
    const [one, other] = [await join(), await join()];
    const { turn, own } = begin(one.live);
    turn.append(failed);
    const frames = await own;
    const key = one.redis.key('turn', 'turn-1');
    const send = async (...args: readonly string[]) => one.redis.client()?.sendCommand(args);
    await until(async () => Number(await send('XLEN', key)) > 0);
    for (let count = 0; count < 20; count += 1) {
      const messages = Array.from({ length: 50 }, () => send('PUBLISH', key, 'look'));
      const joined = await other.joined.join('turn-1', false, never);
      expect(await collect(joined?.follow(0, new AbortController().signal) as Batches)).toEqual(frames);
      await Promise.all(messages);
    }
  });

  it('arrive at a client that is ahead of this node without a repetition', async () => {
    const [one, other] = [await join(), await join()];
    const { turn } = begin(one.live);
    turn.appendText(head, 'The ');
    const joined = await other.joined.join('turn-1', true, never);
    const theirs = collect((joined as NonNullable<typeof joined>).follow(4, new AbortController().signal));
    for (const text of ['sea ', 'is ', 'calm.']) turn.appendText(head, text);
    turn.append(failed);
    expect((await theirs).map(({ id }) => id)).toEqual([5, 6]);
  });

  it('do not exist for a turn that no node answers', async () => {
    const { joined } = await join();
    expect(await joined.join('turn-unknown', true, never)).toBeNull();
  });

  it('can be followed again after Redis was away and has forgotten everything', async () => {
    const [one, other] = [await join(), await join()];
    const { turn, own } = begin(one.live);
    turn.appendText(head, 'The ');
    const before = await other.joined.join('turn-1', true, never);
    const cut = collect((before as NonNullable<typeof before>).follow(0, new AbortController().signal));
    await nodes.server.stop();
    turn.appendText(head, 'sea ');
    expect(await before?.ended).toBeNull();
    const seen = await cut;
    await nodes.server.start();
    await until(() => one.redis.client() !== null && other.redis.client() !== null);
    let after: Awaited<ReturnType<typeof other.joined.join>> = null;
    await until(async () => (after = await other.joined.join('turn-1', true, never)) !== null);
    const rest = collect(
      (after as unknown as NonNullable<typeof before>).follow(seen.length, new AbortController().signal),
    );
    turn.appendText(head, 'is calm.');
    turn.append(failed);
    expect([...seen, ...(await rest)]).toEqual(await own);
  });

  it('delay no turn while Redis does not answer, and arrive when it does', async () => {
    const [one, other] = [await join(), await join()];
    const { turn, own } = begin(one.live);
    const joined = await other.joined.join('turn-1', true, never);
    const theirs = collect((joined as NonNullable<typeof joined>).follow(0, new AbortController().signal));
    nodes.server.pause();
    for (let index = 0; index < 1_000; index += 1) turn.appendText(head, `${index} `);
    turn.append(failed);
    const frames = await own;
    expect(frames.at(-1)?.data).toBe(JSON.stringify(failed));
    nodes.server.resume();
    expect(await theirs).toEqual(frames);
  });

  it('begin anew in one transaction, so that no reader finds none', async () => {
    const [one, watcher] = [await join(), await nodes.connect()];
    const commands: string[] = [];
    const monitor = watcher.client()?.duplicate();
    await monitor?.connect();
    await monitor?.monitor(
      (line: string) => void commands.push(/"(?<name>\w+)"/u.exec(line)?.groups?.['name'] ?? ''),
    );
    begin(one.live);
    await until(() => commands.includes('EXPIRE'));
    const start = commands.indexOf('MULTI');
    expect(commands.slice(start, start + 5)).toEqual(['MULTI', 'DEL', 'XADD', 'EXPIRE', 'EXEC']);
    monitor?.destroy();
  });

  it('expire, also if their node is gone', async () => {
    const { redis, live } = await join();
    const { turn } = begin(live);
    const ttl = async () => Number(await redis.client()?.sendCommand(['TTL', redis.key('turn', 'turn-1')]));
    await until(async () => (await ttl()) > 60);
    turn.append(failed);
    await until(async () => (await ttl()) <= 60);
    expect(await ttl()).toBeGreaterThan(0);
  });

  it('are shared again when Redis takes writes again', async () => {
    const [one, other] = [await join(), await join()];
    const config = (value: string) => one.redis.client()?.sendCommand(['CONFIG', 'SET', 'maxmemory', value]);
    await config('1');
    const { turn, own } = begin(one.live);
    turn.appendText(head, 'The ');
    await until(() => one.lines.length > 0);
    expect(one.lines).toEqual([expect.stringContaining('Redis refuses the events of turns.')]);
    await config('0');
    await until(async () => (await other.joined.join('turn-1', true, never)) !== null);
    const joined = await other.joined.join('turn-1', true, never);
    const theirs = collect((joined as NonNullable<typeof joined>).follow(0, new AbortController().signal));
    turn.append(failed);
    expect(await theirs).toEqual(await own);
  });
});
