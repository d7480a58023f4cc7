import type { Duplex } from 'node:stream';

import { createOutlet } from '../../src/websocket/outlet';
import { settle } from '../chat/support/collect';
import { createFeedSurroundings } from '../chat/support/feed';
import { SlowSocket, SlowStream } from './support/slow-socket';

const maxWaiting = 64 * 1024;
const frameLength = 400_000;

const sockets: SlowSocket[] = [];

afterEach(() => sockets.splice(0).forEach((socket) => socket.end()));

function harness() {
  const socket = new SlowSocket();
  sockets.push(socket);
  const overruns: number[] = [];
  const stream = new SlowStream();
  const outlet = createOutlet({
    socket: socket.asWebSocket(),
    stream: stream as unknown as Duplex,
    onOverrun: () => {
      overruns.push(socket.bufferedAmount);
      socket.close(1013, '');
    },
  });
  const { gone, events, open } = createFeedSurroundings(outlet);
  return { socket, stream, gone, overruns, outlet, events, openFeed: open };
}

/** Yields a saved turn with this number of large frames. */
async function* turnOf(frames: number) {
  for (let id = 1; id <= frames; id += 1) {
    await settle();
    yield [{ id, data: `{"text":"${'x'.repeat(frameLength - 20)}"}` }];
  }
}

describe('the turns that one client follows', () => {
  it('exceed the limit by at most one waiting frame, and are sent in rotation', async () => {
    const { socket, openFeed } = harness();
    const feed = openFeed();
    for (let number = 0; number < 32; number += 1) feed.follow(`turn-${number}`, () => turnOf(3));
    const waited: number[] = [];
    do {
      for (let i = 0; i < 3; i += 1) await settle();
      waited.push(socket.bufferedAmount);
    } while (socket.take());
    await feed.idle();
    expect(Math.max(...waited)).toBeLessThanOrEqual(maxWaiting + frameLength);
    expect(socket.taken.map((frame) => (JSON.parse(frame) as { seq: number }).seq)).toEqual(
      [1, 2, 3].flatMap((seq) => Array.from({ length: 32 }, () => seq)),
    );
  });

  it('are all released when the client disconnects', async () => {
    const { socket, gone, openFeed } = harness();
    const feed = openFeed();
    for (let number = 0; number < 3; number += 1) feed.follow(`turn-${number}`, () => turnOf(3));
    for (let i = 0; i < 3; i += 1) await settle();
    gone.abort();
    socket.end();
    await feed.idle();
    expect(socket.bufferedAmount).toBeLessThanOrEqual(maxWaiting + frameLength);
  });
});

describe('room of an outlet', () => {
  it('exists again only when the waiting data is within the limit', async () => {
    const { socket, outlet } = harness();
    const [first, second] = ['a'.repeat(frameLength), 'b'.repeat(frameLength)];
    let isThere = false;
    outlet.send(first);
    expect(outlet.hasRoom()).toBe(false);
    void outlet.room().then(() => (isThere = true));
    await settle();
    expect(isThere).toBe(false);
    // This frame is sent without waiting for room, like an event of the session.
    outlet.send(second);
    socket.take();
    await settle();
    expect([outlet.hasRoom(), isThere]).toEqual([false, false]);
    socket.take();
    await settle();
    expect([outlet.hasRoom(), isThere]).toEqual([true, true]);
  });

  it('is announced in the next iteration of the event loop, so that other code runs first', async () => {
    const { socket, outlet } = harness();
    const done: string[] = [];
    outlet.send('a'.repeat(frameLength));
    void outlet.room().then(() => done.push('room'));
    socket.take();
    process.nextTick(() => done.push('tick'));
    await Promise.resolve();
    done.push('promise');
    await settle();
    expect(done).toEqual(['promise', 'tick', 'room']);
  });

  it('is announced to a caller that waits after the socket has become empty', async () => {
    const { socket, outlet } = harness();
    outlet.send('a'.repeat(frameLength));
    socket.take();
    await settle();
    await outlet.room();
  });

  it('is announced when the stream drains, because no callback reports replies to pings', async () => {
    const { socket, stream, outlet } = harness();
    socket.bufferedAmount = frameLength;
    const room = outlet.room();
    socket.bufferedAmount = 0;
    stream.emit('drain');
    await room;
  });

  it('is announced when the client leaves, so that no caller waits in vain', async () => {
    const { socket, outlet } = harness();
    outlet.send('a'.repeat(frameLength));
    const room = outlet.room();
    socket.end();
    await room;
  });
});

describe('the frames of one tick', () => {
  it('are written to the stream as one piece', async () => {
    const { stream, outlet } = harness();
    for (let i = 0; i < 3; i += 1) outlet.send('a frame');
    expect(stream.writableCorked).toBe(1);
    await settle();
    expect(stream.writableCorked).toBe(0);
    outlet.send('another');
    expect(stream.writableCorked).toBe(1);
    await settle();
    expect(stream.writableCorked).toBe(0);
  });
});

describe('events that are sent without waiting for room', () => {
  const event = { event: 'session_renamed', session_id: 'session-1', title: 'x'.repeat(1_000_000) } as const;

  it('end the connection when too much data waits', async () => {
    const { socket, overruns, openFeed, events } = harness();
    openFeed();
    for (let i = 0; i < 20; i += 1) events.publish(event);
    expect(overruns).toHaveLength(1);
    expect(socket.bufferedAmount).toBeLessThan(16 * maxWaiting + 2 * 1_000_000);
  });

  it('keep the connection of a client that reads them, however large they are', async () => {
    const { socket, overruns, openFeed, events } = harness();
    openFeed();
    for (let i = 0; i < 20; i += 1) {
      events.publish({ ...event, title: 'x'.repeat(3_000_000) });
      socket.take();
    }
    expect(overruns).toEqual([]);
    expect(socket.taken).toHaveLength(20);
  });
});
