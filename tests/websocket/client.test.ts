import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { WebSocket, WebSocketServer, type ClientOptions } from 'ws';

import { createSocketClient, type SocketClient } from '../../src/websocket/client';
import { SlowSocket, SlowStream } from './support/slow-socket';
import { upgradeTo } from './support/upgrade-request';

const options = {
  settings: { messagesPerSecond: 20 },
  stalledAfterMs: 60_000,
  onDropped: () => undefined,
};

afterEach(() => jest.useRealTimers());

/** Creates a client on a fake socket. `say` sends a frame as the client, and `heard` holds the received frames. */
function harness() {
  const socket = new SlowSocket();
  const stream = new SlowStream();
  const drops: string[] = [];
  const client = createSocketClient({
    ...options,
    socket: socket.asWebSocket(),
    stream: stream as unknown as Duplex,
    onDropped: (reason) => void drops.push(reason),
  });
  const heard: string[] = [];
  client.receiveWith((frame) => heard.push(frame));
  const say = (text: string | Uint8Array, isBinary = false) =>
    socket.emit('message', Buffer.from(text), isBinary);
  return { socket, stream, client, drops, heard, say };
}

it('a client that falls too far behind is closed with the code 1013', () => {
  const { socket, client } = harness();
  for (let i = 0; i < 20; i += 1) client.outlet.send('x'.repeat(1_000_000));
  socket.end();
  expect(socket.closings).toEqual([[1013, 'too far behind']]);
  expect(client.gone.aborted).toBe(true);
});

it('a client that reads nothing for too long is cut and reported', () => {
  jest.useFakeTimers();
  const { socket, stream, drops } = harness();
  Object.assign(stream, { writableLength: 1 });
  jest.advanceTimersByTime(66_000);
  const reason = 'a stalled reader was dropped. It read nothing for CHAT_STALLED_READER_SECONDS';
  expect([socket.isTerminated, drops]).toEqual([true, [reason]]);
});

it('a connection that breaks is reported if the system lacks resources, not if the client left', () => {
  const { socket, drops } = harness();
  for (const code of ['ECONNRESET', 'EPIPE', 'ENOBUFS']) {
    socket.emit('error', Object.assign(new Error('broken'), { code }));
  }
  expect(drops).toEqual(['a connection broke. The system lacks resources (ENOBUFS)']);
});

describe('the frames of a client', () => {
  beforeEach(() => jest.useFakeTimers());

  it('are received up to the limit in every second', () => {
    const { socket, heard, say } = harness();
    for (let second = 0; second < 5; second += 1) {
      for (let i = 0; i < 20; i += 1) say('hello');
      jest.advanceTimersByTime(1_000);
    }
    expect([heard.length, socket.closings]).toEqual([100, []]);
  });

  it('close the connection with 1008 over the limit', () => {
    const { socket, heard, say, drops } = harness();
    for (let i = 0; i < 21; i += 1) say('hello');
    expect([heard.length, socket.closings]).toEqual([20, [[1008, 'too many messages']]]);
    expect(drops).toEqual(['a client was dropped. It sent more frames than CHAT_WS_MESSAGES_PER_SECOND']);
  });

  it('are ignored after the server closes the connection', () => {
    const { client, heard, say } = harness();
    say('before');
    client.close(4401, 'unauthorized');
    say('after');
    expect(heard).toEqual(['before']);
  });

  it('are received as text if they are binary, and as empty text if that is not UTF-8', () => {
    const { heard, say } = harness();
    say('{"type":"ping","text":"好"}', true);
    say(Buffer.from([0x22, 0xff, 0x22]), true);
    expect(heard).toEqual(['{"type":"ping","text":"好"}', '']);
  });
});

describe('a client over a real connection', () => {
  let server: WebSocketServer;
  const peers: (WebSocket | Socket)[] = [];

  beforeEach(async () => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong: false, maxPayload: 1_000 });
    await once(server, 'listening');
  });

  afterEach(async () => {
    for (const peer of peers.splice(0)) {
      if (peer instanceof WebSocket) peer.terminate();
      else peer.destroy();
    }
    server.close();
    await once(server, 'close');
  });

  const port = () => (server.address() as AddressInfo).port;

  /** Waits for the next connection. @returns its client. */
  async function welcome(onDropped = options.onDropped as (reason: string) => void): Promise<SocketClient> {
    const [socket, request] = (await once(server, 'connection')) as [WebSocket, { socket: Socket }];
    return createSocketClient({ ...options, onDropped, socket, stream: request.socket });
  }

  async function meet(given: ClientOptions = {}) {
    const welcomed = welcome();
    const peer = new WebSocket(`ws://127.0.0.1:${port()}`, given);
    peer.on('error', () => undefined);
    peers.push(peer);
    const [client] = await Promise.all([welcomed, once(peer, 'open')]);
    return { peer, client };
  }

  it.each<[string, (peer: WebSocket) => void]>([
    ['a frame', (peer) => peer.send('hello')],
    ['a ping', (peer) => peer.ping()],
    ['a pong', (peer) => peer.pong()],
  ])('stays connected if it sends at least %s between two heartbeats', async (_name, send) => {
    const { peer, client } = await meet({ autoPong: false });
    for (let i = 0; i < 3; i += 1) {
      const asked = once(peer, 'ping');
      client.beat();
      await asked;
      const heard = heardOf(client);
      send(peer);
      await heard;
    }
    expect(client.gone.aborted).toBe(false);
  });

  it('is cut if it sends nothing between two heartbeats', async () => {
    const { peer, client } = await meet({ autoPong: false });
    const closed = once(peer, 'close');
    client.beat();
    client.beat();
    expect((await closed)[0]).toBe(1006);
  });

  it('is dropped with 1009 and reported if it sends a frame that is too large', async () => {
    const drops: string[] = [];
    const welcomed = welcome((reason) => drops.push(reason));
    const peer = new WebSocket(`ws://127.0.0.1:${port()}`);
    peers.push(peer);
    await Promise.all([welcomed, once(peer, 'open')]);
    const closed = once(peer, 'close');
    peer.send('x'.repeat(1_001));
    expect((await closed)[0]).toBe(1009);
    expect(drops).toEqual(['a client was dropped. It sent a frame larger than CHAT_WS_MAX_MESSAGE_BYTES']);
  });

  it('is cut by a TCP reset, so that no data waits for it', async () => {
    const welcomed = welcome();
    const peer = connect(port(), '127.0.0.1');
    peers.push(peer);
    const opened = once(peer, 'data');
    const ended = new Promise((resolve) => {
      peer.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
      peer.once('end', () => resolve('an orderly end'));
    });
    peer.write(upgradeTo('/'));
    const client = await welcomed;
    await opened;
    client.terminate();
    expect(await ended).toBe('ECONNRESET');
  });

  /** Settles when the server receives a message, a ping or a pong from its only client. */
  function heardOf(client: SocketClient): Promise<void> {
    return new Promise((resolve) => {
      client.receiveWith(() => resolve());
      for (const socket of server.clients) {
        socket.once('ping', () => resolve());
        socket.once('pong', () => resolve());
      }
    });
  }
});
