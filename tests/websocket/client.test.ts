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
  onStalled: () => undefined,
};

afterEach(() => jest.useRealTimers());

/** A client that says what a test says, and what was heard of it. */
function harness() {
  const socket = new SlowSocket();
  const stream = new SlowStream();
  let stalls = 0;
  const client = createSocketClient({
    ...options,
    socket: socket.asWebSocket(),
    stream: stream as unknown as Duplex,
    onStalled: () => (stalls += 1),
  });
  const heard: string[] = [];
  client.receiveWith((frame) => heard.push(frame));
  const say = (text: string, isBinary = false) => socket.emit('message', Buffer.from(text), isBinary);
  return { socket, stream, client, stalls: () => stalls, heard, say };
}

it('a client that falls too far behind is closed with 1013', () => {
  const { socket, client } = harness();
  for (let i = 0; i < 20; i += 1) client.outlet.send('x'.repeat(1_000_000));
  socket.end();
  expect(socket.closings).toEqual([[1013, 'too far behind']]);
  expect(client.gone.aborted).toBe(true);
});

it('a client that takes nothing for too long is cut, and noted', () => {
  jest.useFakeTimers();
  const { socket, stream, stalls } = harness();
  Object.assign(stream, { writableLength: 1 });
  jest.advanceTimersByTime(66_000);
  expect([socket.isTerminated, stalls()]).toEqual([true, 1]);
});

describe('what a client says', () => {
  beforeEach(() => jest.useFakeTimers());

  it('may be so many frames in each second, for as long as it likes', () => {
    const { socket, heard, say } = harness();
    for (let second = 0; second < 5; second += 1) {
      for (let i = 0; i < 20; i += 1) say('hello');
      jest.advanceTimersByTime(1_000);
    }
    expect([heard.length, socket.closings]).toEqual([100, []]);
  });

  it('closes it with 1008 if it is one frame more', () => {
    const { socket, heard, say } = harness();
    for (let i = 0; i < 21; i += 1) say('hello');
    expect([heard.length, socket.closings]).toEqual([20, [[1008, 'too many messages']]]);
  });

  it('is not heard any more once it is to go', () => {
    const { client, heard, say } = harness();
    say('before');
    client.close(4401, 'unauthorized');
    say('after');
    expect(heard).toEqual(['before']);
  });

  it('is no JSON where it is binary', () => {
    const { heard, say } = harness();
    say('{"type":"ping"}', true);
    expect(heard).toEqual(['']);
  });
});

describe('over a connection', () => {
  let server: WebSocketServer;
  const peers: (WebSocket | Socket)[] = [];

  beforeEach(async () => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong: false });
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

  /** The client of whoever connects next. */
  async function welcome(): Promise<SocketClient> {
    const [socket, request] = (await once(server, 'connection')) as [WebSocket, { socket: Socket }];
    return createSocketClient({ ...options, socket, stream: request.socket });
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
  ])('it is there as long as it sends at least %s between two beats', async (_name, send) => {
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

  it('it is cut once it has sent nothing between two beats', async () => {
    const { peer, client } = await meet({ autoPong: false });
    const closed = once(peer, 'close');
    client.beat();
    client.beat();
    expect((await closed)[0]).toBe(1006);
  });

  it('it is reset when it is cut, so that nothing waits for it to read', async () => {
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

  /** Settles once the server has heard anything of its only client. */
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
