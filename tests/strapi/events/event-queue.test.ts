import { AsyncLocalStorage } from 'node:async_hooks';

import { createEventQueue } from '../../../src/strapi/events/event-queue';
import { recordingLog } from '../../chat/support/fixtures';
import { createGate } from '../../support/gate';
import { until } from '../../support/until';

/** Creates a queue whose events wait at a gate. */
function createHeldQueue(maxWaiting = 3) {
  const gate = createGate();
  const sent: string[] = [];
  const log = recordingLog();
  const queue = createEventQueue<string>({
    async send(turn) {
      await gate.opened;
      sent.push(turn);
    },
    maxWaiting,
    log,
  });
  return { gate, sent, log, queue };
}

describe('the queue of events', () => {
  it('sends the events of one item after the other, in their order', async () => {
    const log: string[] = [];
    const queue = createEventQueue<string>({
      async send(turn) {
        log.push(`${turn} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        log.push(`${turn} ends`);
      },
      maxWaiting: 3,
      log: recordingLog(),
    });
    queue.add('a');
    queue.add('b');
    await until(() => queue.waiting() === 0);
    queue.add('c');
    await until(() => queue.waiting() === 0);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('sends nothing before the caller of add() continues', () => {
    const sent: string[] = [];
    const queue = createEventQueue<string>({
      send: async (turn) => void sent.push(turn),
      maxWaiting: 3,
      log: recordingLog(),
    });
    queue.add('a');
    expect([sent, queue.waiting()]).toEqual([[], 1]);
  });

  it('drops items above its bound, counts them, and warns once', async () => {
    const { gate, sent, log, queue } = createHeldQueue();
    for (const turn of ['a', 'b', 'c', 'd', 'e']) queue.add(turn);
    expect([queue.waiting(), queue.dropped()]).toEqual([3, 2]);
    expect(log.lines).toEqual([expect.stringMatching(/^warn 3 turns wait for Strapi's webhooks/u)]);
    gate.open();
    await until(() => queue.waiting() === 0);
    queue.add('f');
    await until(() => queue.waiting() === 0);
    expect(sent).toEqual(['a', 'b', 'c', 'f']);
  });

  it('logs an item that cannot be sent by the code of its error, and goes on', async () => {
    const log = recordingLog();
    const sent: string[] = [];
    const queue = createEventQueue<string>({
      async send(turn) {
        if (turn === 'a') throw Object.assign(new Error('select a secret'), { code: 'ECONNREFUSED' });
        sent.push(turn);
      },
      maxWaiting: 3,
      log,
    });
    queue.add('a');
    queue.add('b');
    await until(() => queue.waiting() === 0);
    expect([sent, queue.dropped()]).toEqual([['b'], 1]);
    expect(log.lines).toEqual(['warn A turn gets no events of Strapi: Error ECONNREFUSED']);
  });

  it('does not send events in the context of the request that has added them', async () => {
    const request = new AsyncLocalStorage<string>();
    const contexts: unknown[] = [];
    const queue = createEventQueue<string>({
      send: async () => void contexts.push(request.getStore()),
      maxWaiting: 3,
      log: recordingLog(),
    });
    request.run('a request', () => queue.add('a'));
    await until(() => queue.waiting() === 0);
    expect(contexts).toEqual([undefined]);
  });

  it('sends the events that wait before it stops, and none afterwards', async () => {
    const { gate, sent, log, queue } = createHeldQueue();
    queue.add('a');
    queue.add('b');
    const stopped = queue.stop(60_000);
    queue.add('c');
    gate.open();
    await stopped;
    expect([sent, queue.dropped(), log.lines]).toEqual([['a', 'b'], 1, []]);
  });

  it('drops the events that it cannot send in time, and warns', async () => {
    const { gate, sent, log, queue } = createHeldQueue();
    queue.add('a');
    queue.add('b');
    // The first item is being sent when the queue stops.
    await new Promise((resolve) => setImmediate(resolve));
    await queue.stop(1);
    expect([queue.waiting(), queue.dropped()]).toEqual([0, 2]);
    expect(log.lines).toEqual(['warn The process ends. 2 turns get no events of Strapi.']);
    gate.open();
    await until(() => sent.length > 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toEqual(['a']);
  });
});
