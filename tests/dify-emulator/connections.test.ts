import { createDifyEmulator, type DifyEmulator } from './index';
import { until } from '../chat/support/collect';

let dify: DifyEmulator;

afterEach(() => dify.close());

const post = (path: string, body: object) =>
  fetch(`${dify.url}/v1${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${dify.apiKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('an emulator with a number of connections', () => {
  it('lets every further request wait, a stop included, until a response has ended', async () => {
    dify = await createDifyEmulator({ connections: 2 }).listen();
    const ends: (() => Promise<void>)[] = [];
    dify.always(async (reply) => {
      await reply.say('Hello');
      await new Promise<void>((resolve) => {
        ends.push(async () => {
          await reply.end();
          resolve();
        });
      });
    });
    const ask = () =>
      post('/chat-messages', { query: 'Hi', inputs: {}, user: 'ada', response_mode: 'streaming' });
    const first = await ask();
    await ask();
    let hasStopped = false;
    const stopping = post('/chat-messages/any/stop', { user: 'ada' }).then(() => (hasStopped = true));
    await until(() => dify.connections === 3);
    expect([hasStopped, dify.requests.length]).toEqual([false, 2]);
    await ends[0]?.();
    await first.text();
    await stopping;
    expect(dify.requests).toHaveLength(3);
  });
});
