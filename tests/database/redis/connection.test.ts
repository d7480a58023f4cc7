import { createRedis, type Redis } from '../../../src/database/redis/connection';
import { describeWithRedis } from '../../support/describe-with-redis';
import { startRedis, type RedisServer } from '../../support/start-redis';
import { until } from '../../support/until';

function connect(url: string) {
  const lines: string[] = [];
  const log = {
    info: (line: string) => void lines.push(line),
    warn: (line: string) => void lines.push(line),
  };
  const redis = createRedis({ url, secret: 'secret of the installation', log });
  redis.start();
  return { redis, lines };
}

describeWithRedis('the connection to Redis', () => {
  let server: RedisServer;
  let redis: Redis | undefined;

  beforeEach(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    await redis?.close();
    await server.close();
  });

  it('has no client until Redis accepts it, and does not let its caller wait', async () => {
    await server.stop();
    const connected = connect(server.url);
    ({ redis } = connected);
    await until(() => connected.lines.length > 0);
    expect(redis.client()).toBeNull();
    await server.start();
    await until(() => redis?.client() !== null);
    expect(await redis.client()?.sendCommand(['PING'])).toBe('PONG');
  });

  it('logs once that Redis is away, and once that it is back', async () => {
    const connected = connect(server.url);
    ({ redis } = connected);
    await until(() => redis?.client() !== null);
    let returns = 0;
    let losses = 0;
    redis.onReady(() => (returns += 1));
    redis.onAway(() => (losses += 1));
    await server.stop();
    await until(() => redis?.client() === null);
    await server.start();
    await until(() => redis?.client() !== null);
    expect(connected.lines).toEqual([
      'Redis is connected: this process works with others.',
      expect.stringMatching(/^Redis is away\. This process goes on alone until it is back: /u),
      'Redis is back.',
    ]);
    expect([losses, returns]).toEqual([1, 1]);
  });

  it('takes a Redis that keeps its connections and answers nothing for one that is away', async () => {
    const connected = connect(server.url);
    ({ redis } = connected);
    await until(() => redis?.client() !== null);
    server.pause();
    await until(() => redis?.client() === null, 20_000);
    expect(connected.lines.at(-1)).toContain('Redis does not answer');
    server.resume();
    await until(() => redis?.client() !== null, 20_000);
  });

  it('logs that the password is wrong, without the password', async () => {
    await server.close();
    server = await startRedis(['--requirepass', 'right']);
    const connected = connect(server.url.replace('redis://', 'redis://:canary-of-password@'));
    ({ redis } = connected);
    await until(() => connected.lines.length > 0);
    expect(connected.lines).toEqual([expect.stringContaining('WRONGPASS')]);
    expect(connected.lines.join()).not.toContain('canary-of-password');
  });

  it('has different keys in installations with different secrets', () => {
    const [one, other] = ['one', 'other'].map((secret) =>
      createRedis({ url: server.url, secret, log: { info: () => undefined, warn: () => undefined } }),
    );
    expect(one?.key('turn', 'a')).toMatch(/^character-chat:1:[0-9a-f]{12}:turn:a$/u);
    expect(one?.key('turn', 'a')).not.toBe(other?.key('turn', 'a'));
  });
});
