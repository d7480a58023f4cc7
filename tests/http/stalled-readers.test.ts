import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { watchReader } from '../../src/http/stalled-readers';
import { SlowStream } from '../websocket/support/slow-socket';

const afterMs = 20_000;

/** A connection of which a test says how much waits in it. */
function harness() {
  const stream = new SlowStream();
  let stalls = 0;
  const stop = watchReader(stream as unknown as Duplex, afterMs, () => (stalls += 1));
  const pass = (ms: number, waiting: number) => {
    stream.writableLength = waiting;
    jest.advanceTimersByTime(ms);
  };
  return { stream, stop, pass, stalls: () => stalls };
}

describe('a reader', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('is stalled once it has taken nothing for the time, and a tenth of it later at most', () => {
    const { pass, stalls } = harness();
    pass(30_500, 0);
    pass(afterMs - 1, 100);
    expect(stalls()).toBe(0);
    pass(afterMs / 10, 100);
    expect(stalls()).toBe(1);
  });

  it('is stalled then, too, though more and more is written to it', () => {
    const { pass, stalls } = harness();
    for (let ms = 0; ms < 1.1 * afterMs; ms += 500) pass(500, 100 + ms);
    expect(stalls()).toBe(1);
  });

  it('is not stalled while there is nothing for it', () => {
    const { pass, stop, stalls } = harness();
    pass(10 * afterMs, 0);
    expect(stalls()).toBe(0);
    stop();
  });

  it('is not stalled as long as it takes a part of what waits', () => {
    const { pass, stop, stalls } = harness();
    for (let times = 0; times < 5; times += 1) pass(0.9 * afterMs, 1_000 - times);
    expect(stalls()).toBe(0);
    stop();
  });

  it('is not stalled as long as it takes all, and as much comes again', () => {
    const { stream, pass, stop, stalls } = harness();
    for (let times = 0; times < 5; times += 1) {
      pass(0.9 * afterMs, 1_000);
      stream.emit('drain');
    }
    expect(stalls()).toBe(0);
    stop();
  });

  it('is looked at no more once its connection is closed', () => {
    const { stream, pass } = harness();
    pass(1_000, 100);
    stream.emit('close');
    expect(jest.getTimerCount()).toBe(0);
  });
});

it('that takes a part of the last write, and then nothing, is stalled after the time and not after twice of it', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  const [socket] = (await once(server, 'connection')) as [Socket];
  // More than the system takes for it, so that it takes a part.
  socket.write(Buffer.alloc(32_000_000));
  const ms = 2_000;
  const since = performance.now();
  await new Promise<void>((resolve) => watchReader(socket, ms, resolve));
  const took = performance.now() - since;
  peer.destroy();
  socket.destroy();
  server.close();
  expect(took).toBeGreaterThanOrEqual(ms);
  expect(took).toBeLessThan(1.6 * ms);
});
