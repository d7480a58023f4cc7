import { createAnswerQueue, type AnswerQueue } from '../../../src/upstream/dify/answer-queue';
import type { SharedPlaces } from '../../../src/chat/shared/places';
import { createHeartbeats } from '../../../src/database/redis/heartbeats';
import { createSharedPlaces } from '../../../src/database/redis/places';
import { describeWithRedis } from '../../support/describe-with-redis';
import { until } from '../../support/until';
import { startRedisNodes, type RedisNodes } from './support/nodes';

describeWithRedis('the places that all processes share', () => {
  let nodes: RedisNodes;
  const stops: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    nodes = await startRedisNodes();
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    await nodes.close();
  });

  async function join() {
    const redis = await nodes.connect();
    const heartbeats = createHeartbeats(redis);
    stops.push(() => heartbeats.stop());
    heartbeats.start(() => null);
    await until(() => heartbeats.isSeen());
    return { places: createSharedPlaces(redis, heartbeats), redis };
  }

  async function isFull({ places }: { readonly places: SharedPlaces }): Promise<boolean> {
    const release = await places.take('ann', 1);
    release?.();
    return release === null;
  }

  it('are never more than the maximum, however many processes ask together', async () => {
    const processes = [await join(), await join(), await join()];
    const asked = Array.from({ length: 10 }, () => processes.map(({ places }) => places.take('ann', 4)));
    const taken = (await Promise.all(asked.flat())).filter((release) => release !== null);
    expect(taken.length).toBeLessThanOrEqual(4);
    expect(taken.length).toBeGreaterThan(0);
    expect(await processes[0]?.places.take('bob', 4)).not.toBeNull();
  });

  it('come free when they are released, once', async () => {
    const [one, two] = [await join(), await join()];
    const release = await one.places.take('ann', 1);
    expect(await two.places.take('ann', 1)).toBeNull();
    release?.();
    release?.();
    await until(async () => (await two.places.take('ann', 1)) !== null);
    expect(await one.places.take('ann', 1)).toBeNull();
  });

  it('come free within five seconds if their process dies', async () => {
    const [one, two] = [await join(), await join()];
    await one.places.take('ann', 1);
    const diedMs = performance.now();
    await one.redis.close();
    await until(async () => (await two.places.take('ann', 1)) !== null);
    expect(performance.now() - diedMs).toBeLessThan(5_000);
  });

  it('go to the process that waits longest, and processes take turns', async () => {
    const [one, two] = [await join(), await join()];
    const take = ({ places }: { readonly places: SharedPlaces }) => places.take('answers', 1, true);
    const first = await take(one);
    expect([await take(two), await take(one)]).toEqual([null, null]);
    first?.();
    expect(await take(one)).toBeNull();
    const second = await take(two);
    expect(second).not.toBeNull();
    expect(await take(two)).toBeNull();
    second?.();
    expect(await take(two)).toBeNull();
    expect(await take(one)).not.toBeNull();
  });

  it('let a question at an idle process wait for one answer of a busy process, not for its queue', async () => {
    const settings = { atOnce: 1, waitMs: 60_000, name: 'dify', warn: () => undefined };
    const [busy, idle] = [await join(), await join()].map(({ places }) =>
      createAnswerQueue({ ...settings, places }),
    );
    const never = new AbortController().signal;
    const entered: string[] = [];
    const ask = async (queue: AnswerQueue | undefined, name: string) => {
      const release = await queue?.enter(name, never, () => undefined);
      entered.push(name);
      return release;
    };
    const answer = async (queue: AnswerQueue | undefined, name: string) => (await ask(queue, name))?.();
    const first = await ask(busy, 'first');
    const others = ['second', 'third', 'fourth'].map((name) => answer(busy, name));
    others.push(answer(idle, 'elsewhere'));
    await until(() => idle?.waiting() === 1);
    first?.();
    await Promise.all(others);
    expect(entered.slice(0, 3)).toContain('elsewhere');
  });

  it('are not kept for a process that waits no longer', async () => {
    const [one, two] = [await join(), await join()];
    const first = await one.places.take('answers', 1, true);
    expect(await two.places.take('answers', 1, true)).toBeNull();
    first?.();
    await until(async () => (await one.places.take('answers', 1, true)) !== null, 10_000);
  });

  it('are given without a check while Redis is away, and counted when it is back', async () => {
    const [one, two] = [await join(), await join()];
    await nodes.server.stop();
    await until(() => one.redis.client() === null);
    const release = await one.places.take('ann', 1);
    expect(release).not.toBeNull();
    await nodes.server.start();
    await until(() => isFull(two));
    release?.();
    await until(async () => !(await isFull(two)));
  });

  it('keep nobody waiting while Redis answers nothing', async () => {
    const one = await join();
    nodes.server.pause();
    const startMs = performance.now();
    expect(await one.places.take('ann', 1)).not.toBeNull();
    expect(performance.now() - startMs).toBeLessThan(2_000);
    nodes.server.resume();
  });
});
