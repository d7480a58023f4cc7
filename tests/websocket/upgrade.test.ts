import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

import { WebSocket, WebSocketServer } from 'ws';

import { ChatError } from '../../src/chat';
import { handBack, refuse, upgradeOptions } from '../../src/websocket/upgrade';
import { createGate } from '../support/gate';
import { upgradeTo } from './support/upgrade-request';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;

type Door = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/** Starts a server. Its upgrade listener hands back every upgrade, unless the test gives another listener. */
async function listen(
  handler: Handler,
  door: Door = (request, socket, head) => handBack(server, request, socket, head),
): Promise<string> {
  server = createServer(upgradeOptions as ServerOptions, handler);
  server.on('upgrade', door);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** Accepts WebSockets in the request handler and without a head, like the transfers of Strapi. */
function createTaker(): Handler {
  const sockets = new WebSocketServer({ noServer: true });
  return (request) =>
    sockets.handleUpgrade(request, request.socket, Buffer.alloc(0), (socket) => {
      socket.on('message', (data) => socket.send(`${request.url} heard ${String(data as Buffer)}`));
    });
}

describe('a rejected WebSocket', () => {
  it('gets the complete error as an HTTP response', async () => {
    const sentence = 'Pages from München may not connect.';
    const error = new ChatError('too-many-connections', { sentence });
    const host = await listen(
      () => undefined,
      (_request, socket) => refuse(socket, error),
    );
    const socket = new WebSocket(`ws://${host}/ws/a`);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect([response.statusCode, response.headers['retry-after'], response.headers.connection]).toEqual([
      429,
      '5',
      'close',
    ]);
    expect(JSON.parse(text)).toEqual({
      code: 429,
      message: sentence,
      data: null,
      error: { code: 'too-many-connections' },
    });
  });

  it('is destroyed even if its client never closes its side', async () => {
    const { opened: closed, open: close } = createGate();
    const host = await listen(
      () => undefined,
      (_request, socket) => {
        socket.once('close', close);
        refuse(socket, new ChatError('unauthorized'));
      },
    );
    const [hostname = '', port] = host.split(':');
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.resume();
    socket.write(upgradeTo('/ws/a'));
    await closed;
    socket.destroy();
  });
});

describe('a WebSocket for another path', () => {
  it('is opened by a request handler that accepts it', async () => {
    const host = await listen(createTaker());
    const socket = new WebSocket(`ws://${host}/admin/transfer/runner/pull`);
    await once(socket, 'open');
    socket.send('hello');
    const [reply] = (await once(socket, 'message')) as [Buffer];
    expect(reply.toString()).toBe('/admin/transfer/runner/pull heard hello');
    socket.close();
    expect((await once(socket, 'close'))[0]).toBe(1005);
  });

  it('is opened with the data that its client has already sent', async () => {
    const host = await listen(createTaker());
    const [hostname = '', port] = host.split(':');
    const socket = connect(Number(port), hostname);
    // The text frame `hi` with a mask of zeroes.
    const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
    socket.write(Buffer.concat([Buffer.from(upgradeTo('/early')), frame]));
    const told = await readUntil(socket, 'heard hi');
    expect(told).toContain('101 Switching Protocols');
    socket.destroy();
  });

  it('gets an HTTP response and is closed if no handler accepts it', async () => {
    const host = await listen((request, response) => {
      response.statusCode = 404;
      response.end(`No ${request.url}, by ${request.headers.upgrade}`);
    });
    const socket = new WebSocket(`ws://${host}/nothing`);
    const [request, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect(request).toBeDefined();
    expect([response.statusCode, response.headers.connection, text]).toEqual([
      404,
      'close',
      'No /nothing, by websocket',
    ]);
  });

  it('is cut if an earlier request on its connection is unanswered, and affects no other client', async () => {
    const host = await listen((request, response) => {
      if (request.url === '/fine') response.end('fine');
    });
    const [hostname = '', port] = host.split(':');
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(`GET /slow HTTP/1.1\r\nHost: here\r\n\r\n${upgradeTo('/nothing')}`);
    await once(socket, 'close');
    expect(await (await fetch(`http://${host}/fine`)).text()).toBe('fine');
  });

  it('may be reset by its client without effect on other clients', async () => {
    let asked = () => undefined as void;
    const came = new Promise<void>((resolve) => (asked = resolve));
    const host = await listen((request, response) => {
      if (request.url === '/fine') response.end('fine');
      else asked();
    });
    const [hostname = '', port] = host.split(':');
    const socket = connect(Number(port), hostname);
    socket.write(upgradeTo('/nothing'));
    await came;
    socket.resetAndDestroy();
    expect(await (await fetch(`http://${host}/fine`)).text()).toBe('fine');
  });
});

describe('an upgrade to another protocol', () => {
  it('is ignored, and the request is answered with its body', async () => {
    const host = await listen((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => response.end(JSON.stringify({ body, headers: request.headers })));
    });
    const request = httpRequest(`http://${host}/asked`, {
      method: 'POST',
      headers: {
        Connection: 'Upgrade, HTTP2-Settings',
        Upgrade: 'h2c',
        'HTTP2-Settings': 'AAMAAABk',
        'X-Own': '1',
      },
    });
    request.end('hello');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    const { body, headers } = JSON.parse(text) as { body: string; headers: Record<string, string> };
    expect([response.statusCode, body, headers['x-own']]).toEqual([200, 'hello', '1']);
  });

  it('is rejected by shouldUpgradeCallback, which accepts a WebSocket if a listener exists', async () => {
    await listen(() => undefined);
    const isTaken = (method: string, upgrade: string) =>
      upgradeOptions.shouldUpgradeCallback.call(server, { method, headers: { upgrade } } as IncomingMessage);
    expect(isTaken('POST', 'h2c')).toBe(false);
    expect(isTaken('GET', 'h2c')).toBe(false);
    expect(isTaken('GET', 'WebSocket')).toBe(true);
    server.removeAllListeners('upgrade');
    expect(isTaken('GET', 'WebSocket')).toBe(false);
  });
});

async function readUntil(socket: AsyncIterable<unknown>, text: string): Promise<string> {
  let all = '';
  for await (const chunk of socket) {
    all += String(chunk);
    if (all.includes(text)) break;
  }
  return all;
}
