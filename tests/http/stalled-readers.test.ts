import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { watchReader } from '../../src/http/stalled-readers';
import { SlowStream } from '../websocket/support/slow-socket';

const afterMs = 20_000;

/** Watches a fake connection. The test sets the number of bytes that wait in it. */
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

describe('watchReader', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('reports a stalled reader after the timeout, at most a tenth later', () => {
    const { pass, stalls } = harness();
    pass(30_500, 0);
    pass(afterMs - 1, 100);
    expect(stalls()).toBe(0);
    pass(afterMs / 10, 100);
    expect(stalls()).toBe(1);
  });

  it('reports a stalled reader even if more data is written to it', () => {
    const { pass, stalls } = harness();
    for (let ms = 0; ms < 1.1 * afterMs; ms += 500) pass(500, 100 + ms);
    expect(stalls()).toBe(1);
  });

  it('does not report a reader while no data waits for it', () => {
    const { pass, stop, stalls } = harness();
    pass(10 * afterMs, 0);
    expect(stalls()).toBe(0);
    stop();
  });

  it('does not report a reader that takes a part of the waiting data', () => {
    const { pass, stop, stalls } = harness();
    for (let times = 0; times < 5; times += 1) pass(0.9 * afterMs, 1_000 - times);
    expect(stalls()).toBe(0);
    stop();
  });

  it('does not report a reader that takes all data and gets the same amount again', () => {
    const { stream, pass, stop, stalls } = harness();
    for (let times = 0; times < 5; times += 1) {
      pass(0.9 * afterMs, 1_000);
      stream.emit('drain');
    }
    expect(stalls()).toBe(0);
    stop();
  });

  it('stops watching when the connection closes', () => {
    const { stream, pass } = harness();
    pass(1_000, 100);
    stream.emit('close');
    expect(jest.getTimerCount()).toBe(0);
  });
});

it('watchReader reports a reader that takes only a part of the last write, well before twice the timeout', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  const [socket] = (await once(server, 'connection')) as [Socket];
  // More than the kernel buffers hold, so that the reader takes only a part.
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
