import type { NodeBus } from '../../../src/chat';
import { createChannels } from '../../../src/database/redis/channels';
import { createNodeBus } from '../../../src/database/redis/node-bus';
import { describeWithRedis } from '../../support/describe-with-redis';
import { until } from '../../support/until';
import { startRedisNodes, type RedisNodes } from './support/nodes';

describeWithRedis('the bus between nodes', () => {
  let nodes: RedisNodes;

  beforeEach(async () => {
    nodes = await startRedisNodes();
  });
  afterEach(() => nodes.close());

  async function join(): Promise<NodeBus> {
    const redis = await nodes.connect();
    return createNodeBus(redis, createChannels(redis));
  }

  it('sends a message to the other nodes, and not to the one that sends it', async () => {
    const [one, other] = [await join(), await join()];
    const got: unknown[] = [];
    await one.listen('topic', (message) => void got.push(['one', message])).begun;
    await other.listen('topic', (message) => void got.push(['other', message])).begun;
    one.send('topic', { number: 1 });
    other.send('topic', { number: 2 });
    await until(() => got.length === 2);
    expect(got).toEqual(
      expect.arrayContaining([
        ['other', { number: 1 }],
        ['one', { number: 2 }],
      ]),
    );
  });

  it('sends a listener only the messages of its topic, until it ends', async () => {
    const [one, other] = [await join(), await join()];
    const got: unknown[] = [];
    const first = other.listen('a', (message) => void got.push(message));
    const second = other.listen('b', (message) => void got.push(message));
    await Promise.all([first.begun, second.begun]);
    first.end();
    one.send('a', { topic: 'a' });
    one.send('b', { topic: 'b' });
    await until(() => got.length > 0);
    expect(got).toEqual([{ topic: 'b' }]);
  });

  it('hears a topic to which it listens again while it still ends to listen', async () => {
    const [one, other] = [await join(), await join()];
    const got: unknown[] = [];
    const first = other.listen('a', () => undefined);
    await first.begun;
    first.end();
    await other.listen('a', (message) => void got.push(message)).begun;
    one.send('a', {});
    await until(() => got.length === 1);
  });

  it('hears again after Redis was away, also a topic to which it began to listen meanwhile', async () => {
    const [one, other] = [await join(), await join()];
    const got: unknown[] = [];
    await other.listen('before', () => void got.push('before')).begun;
    await nodes.server.stop();
    await until(() => !one.isConnected() && !other.isConnected());
    await other.listen('meanwhile', () => void got.push('meanwhile')).begun;
    one.send('before', {});
    let isBack = false;
    other.onBack(() => (isBack = true));
    await nodes.server.start();
    await until(() => one.isConnected() && isBack);
    await until(() => {
      one.send('before', {});
      one.send('meanwhile', {});
      return new Set(got).size === 2;
    });
  });

  it('ignores a text that no node has sent', async () => {
    const [one, other] = [await join(), await join()];
    const got: unknown[] = [];
    await other.listen('topic', (message) => void got.push(message)).begun;
    const redis = await nodes.connect();
    for (const text of ['no JSON', '{}', '7']) {
      await redis.client()?.sendCommand(['PUBLISH', redis.key('bus', 'topic'), text]);
    }
    one.send('topic', { last: true });
    await until(() => got.length > 0);
    expect(got).toEqual([{ last: true }]);
  });
});
