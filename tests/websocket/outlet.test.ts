import { createOutlet } from '../../src/websocket/outlet';
import { settle } from '../chat/support/collect';
import { createFeedSurroundings } from '../chat/support/feed';
import { SlowSocket } from './support/slow-socket';

const maxWaiting = 64 * 1024;
const frameLength = 400_000;

const sockets: SlowSocket[] = [];

afterEach(() => sockets.splice(0).forEach((socket) => socket.end()));

function harness() {
  const socket = new SlowSocket();
  sockets.push(socket);
  const overruns: number[] = [];
  let stalls = 0;
  const outlet = createOutlet(socket.asWebSocket(), {
    stalledAfterMs: 60_000,
    onStalled: () => (stalls += 1),
    onOverrun: () => {
      overruns.push(socket.bufferedAmount);
      socket.close(1013, '');
    },
  });
  const { gone, events, open } = createFeedSurroundings(outlet);
  return { socket, gone, overruns, stalls: () => stalls, outlet, events, openFeed: open };
}

/** A saved turn of so many large frames. */
async function* turnOf(frames: number) {
  for (let id = 1; id <= frames; id += 1) {
    await settle();
    yield [{ id, data: `{"text":"${'x'.repeat(frameLength - 20)}"}` }];
  }
}

describe('the turns that one client is told', () => {
  it('have one frame waiting beyond the bound between them, and each gets its turn', async () => {
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

  it('are all let go when it is gone', async () => {
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

describe('room', () => {
  it('is there again only once what waits is within the bound', async () => {
    const { socket, outlet } = harness();
    const [first, second] = ['a'.repeat(frameLength), 'b'.repeat(frameLength)];
    let isThere = false;
    outlet.send(first);
    void outlet.room().then(() => (isThere = true));
    socket.take();
    // Told without asking for room, as an event of the session is.
    outlet.send(second);
    await settle();
    expect(isThere).toBe(false);
    socket.take();
    await settle();
    expect(isThere).toBe(true);
  });
});

describe('what is told without waiting for room', () => {
  const event = { event: 'session_renamed', session_id: 'session-1', title: 'x'.repeat(1_000_000) } as const;

  it('ends the connection once more waits than may', async () => {
    const { socket, overruns, openFeed, events } = harness();
    openFeed();
    for (let i = 0; i < 20; i += 1) events.publish(event);
    expect(overruns).toHaveLength(1);
    expect(socket.bufferedAmount).toBeLessThan(16 * maxWaiting + 2 * 1_000_000);
  });

  it('goes on for a client that takes it, however large it is', async () => {
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

describe('a client that has as much to read as may wait', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  const frame = 'x'.repeat(frameLength);

  it('is stalled once it has taken nothing for a minute, whatever it is told meanwhile', () => {
    const { outlet, stalls } = harness();
    outlet.send(frame);
    jest.advanceTimersByTime(40_000);
    outlet.send('and more');
    jest.advanceTimersByTime(19_999);
    expect(stalls()).toBe(0);
    jest.advanceTimersByTime(1);
    expect(stalls()).toBe(1);
  });

  it('is not stalled as long as it takes some of it', () => {
    const { socket, outlet, stalls } = harness();
    for (let i = 0; i < 3; i += 1) outlet.send(frame);
    for (let i = 0; i < 2; i += 1) {
      jest.advanceTimersByTime(50_000);
      socket.take();
    }
    jest.advanceTimersByTime(59_999);
    expect(stalls()).toBe(0);
    jest.advanceTimersByTime(1);
    expect(stalls()).toBe(1);
  });

  it('is not stalled later for what it has read by then, but for what it reads no more', () => {
    const { socket, outlet, stalls } = harness();
    for (let i = 0; i < 2; i += 1) outlet.send(frame);
    while (socket.take());
    jest.advanceTimersByTime(120_000);
    expect(stalls()).toBe(0);
    outlet.send(frame);
    jest.advanceTimersByTime(60_000);
    expect(stalls()).toBe(1);
  });

  it('is not waited for once it has gone', () => {
    const { socket, outlet } = harness();
    outlet.send(frame);
    socket.end();
    expect(jest.getTimerCount()).toBe(0);
  });
});
