import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { once } from 'node:events';

import { createDifyEmulator } from '../../dify-emulator';
import { askDify, difyClient, difySettings } from '../../chat/support/dify';
import { listenTls } from '../support/tls-upstream';

const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

const clear = () => {
  for (const name of names) delete process.env[name];
};
beforeEach(clear);
afterEach(clear);

/** Starts a proxy that connects every host to the port of `target` on this machine. */
async function startProxy(target: string) {
  const { port } = new URL(target);
  const asked: string[] = [];
  const proxy = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const { pathname, search } = new URL(request.url ?? '');
    const { method, headers } = request;
    const passing = http.request({ port, path: `${pathname}${search}`, method, headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 0, reply.headers);
      reply.pipe(response);
    });
    request.pipe(passing);
  });
  proxy.on('connect', (request, client: net.Socket) => {
    asked.push(`CONNECT ${request.url}`);
    const server = net.connect(Number(port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connected\r\n\r\n');
      server.pipe(client).pipe(server);
    });
    for (const socket of [client, server]) socket.on('error', () => undefined);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return { url, asked, close: () => new Promise((resolve) => proxy.close(resolve)) };
}

describe('a proxy in the environment variables', () => {
  it('is used for Dify over HTTP', async () => {
    const dify = await createDifyEmulator().listen();
    const proxy = await startProxy(dify.url);
    process.env['HTTP_PROXY'] = proxy.url;
    const settings = difySettings({ url: 'http://dify.example', apiKey: dify.apiKey });
    expect(await askDify(difyClient(settings))).toMatchObject({ error: undefined });
    expect(proxy.asked).toEqual(['POST http://dify.example/v1/chat-messages']);
    await proxy.close();
    await dify.close();
  });

  it('tunnels to Dify over HTTPS, and sees neither the path nor the API key', async () => {
    const seen: string[] = [];
    const dify = await listenTls((socket) => {
      seen.push('a request');
      const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n';
      socket.end(`${head}data: {"event":"message","answer":"Hi"}\n\ndata: {"event":"message_end"}\n\n`);
    });
    const proxy = await startProxy(dify.url);
    process.env['HTTPS_PROXY'] = proxy.url;
    const settings = difySettings({ url: 'https://dify.example', apiKey: dify.apiKey });
    expect(await askDify(difyClient(settings))).toMatchObject({ text: 'Hi', error: undefined });
    expect([proxy.asked, seen]).toEqual([['CONNECT dify.example:443'], ['a request']]);
    await proxy.close();
    await dify.close();
  });

  it('is not used for a host in NO_PROXY', async () => {
    const dify = await createDifyEmulator().listen();
    const proxy = await startProxy(dify.url);
    process.env['HTTP_PROXY'] = proxy.url;
    process.env['NO_PROXY'] = 'dify.invalid';
    const settings = difySettings({ url: 'http://dify.invalid', apiKey: dify.apiKey });
    expect(await askDify(difyClient(settings))).toMatchObject({ error: { code: 'upstream-unreachable' } });
    expect(proxy.asked).toEqual([]);
    await proxy.close();
    await dify.close();
  });

  it('is never used for Dify on this machine', async () => {
    const dify = await createDifyEmulator().listen();
    const proxy = await startProxy(dify.url);
    process.env['HTTP_PROXY'] = process.env['http_proxy'] = proxy.url;
    for (const host of ['127.0.0.1', 'localhost']) {
      const url = dify.url.replace('127.0.0.1', host);
      expect(await askDify(difyClient(difySettings({ url, apiKey: dify.apiKey })))).toMatchObject({
        error: undefined,
      });
    }
    expect(proxy.asked).toEqual([]);
    await proxy.close();
    await dify.close();
  });
});
