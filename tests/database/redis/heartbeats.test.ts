import { createHeartbeats, livesMs, type Heartbeats } from '../../../src/database/redis/heartbeats';
import { createRedis, type Redis } from '../../../src/database/redis/connection';
import { describeWithRedis } from '../../support/describe-with-redis';
import { startRedis, type RedisServer } from '../../support/start-redis';
import { until } from '../../support/until';

const log = { info: () => undefined, warn: () => undefined };

describeWithRedis('the heartbeats of processes', () => {
  let server: RedisServer;
  const opened: { readonly redis: Redis; readonly heartbeats: Heartbeats }[] = [];

  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    for (const { heartbeats, redis } of opened.splice(0)) {
      await heartbeats.stop();
      await redis.close();
    }
    await server.close();
  });

  async function join(lockName: string | null): Promise<{ redis: Redis; heartbeats: Heartbeats }> {
    const redis = createRedis({ url: server.url, secret: 'secret of the installation', log });
    const heartbeats = createHeartbeats(redis);
    redis.start();
    heartbeats.start(() => lockName);
    opened.push({ redis, heartbeats });
    await until(() => redis.client() !== null);
    return { redis, heartbeats };
  }

  /** Asks as a server does, until one is missing. @returns how long it took in ms. */
  async function msUntilMissing({ findMissing }: Heartbeats, name: string): Promise<number> {
    const startMs = performance.now();
    await until(async () => (await findMissing([name])).has(name));
    return performance.now() - startMs;
  }

  it('report a process that has ended its connections as missing within five seconds', async () => {
    const [one, two] = [await join('one'), await join('two')];
    await until(() => two.heartbeats.isSeen());
    expect((await one.heartbeats.findMissing(['two'])).size).toBe(0);
    await two.redis.close();
    const tookMs = await msUntilMissing(one.heartbeats, 'two');
    expect(tookMs).toBeGreaterThan(livesMs / 2);
    expect(tookMs).toBeLessThan(5_000);
  });

  it('report nobody as missing while Redis is away, or just after it has lost everything', async () => {
    const [one, two] = [await join('one'), await join('two')];
    await until(() => two.heartbeats.isSeen());
    await server.stop();
    await until(() => one.redis.client() === null);
    expect((await one.heartbeats.findMissing(['two'])).size).toBe(0);
    await until(() => !one.heartbeats.isSeen());
    await server.start();
    const missing: string[] = [];
    await until(async () => {
      missing.push(...(await one.heartbeats.findMissing(['two'])));
      return two.heartbeats.isSeen();
    });
    expect((await one.heartbeats.findMissing(['two'])).size).toBe(0);
    expect(missing).toEqual([]);
  });

  it('give a process no name for its locks while it holds none', async () => {
    const one = await join(null);
    expect(await msUntilMissing(one.heartbeats, 'null')).toBeLessThan(5_000);
    expect((await one.heartbeats.findMissing([one.heartbeats.nodeId])).size).toBe(0);
  });
});
