import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import Koa, { type Context } from 'koa';

import { cutOffAfter } from '../../../src/http/cut-off';

/** Serves a reply over a real socket. @returns the unread response and the log lines. */
async function serve(reply: (ctx: Context) => void, afterMs: number) {
  const lines: string[] = [];
  const login = new AbortController();
  const koa = new Koa().use((ctx) => {
    cutOffAfter(login.signal, afterMs, ctx, { info: (line) => void lines.push(line) });
    reply(ctx);
  });
  koa.silent = true;
  const server = koa.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // Node 26 reports a reset to the request, too.
  const request = get({ port, agent: false }).on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { response, lines, login, close: () => new Promise((resolve) => server.close(resolve)) };
}

function* endless(): Generator<string, void> {
  for (;;) yield 'x'.repeat(100_000);
}

it('cutOffAfter cuts off a client that has not read its response in time', async () => {
  const { response, lines, login, close } = await serve((ctx) => {
    ctx.body = Readable.from(endless());
  }, 10);
  login.abort();
  // The client can read the data that is already sent. Then the connection is closed.
  const read = async () => {
    for await (const chunk of response) expect((chunk as Buffer).length).toBeGreaterThan(0);
  };
  await expect(read()).rejects.toThrow('aborted');
  expect(lines).toEqual(['/: cut off, as its login has ended.']);
  await close();
});

it('cutOffAfter does not cut off a client whose response ends in time', async () => {
  const rest = new Readable({ read: () => undefined });
  const { response, lines, login, close } = await serve((ctx) => {
    ctx.body = rest;
    rest.push('first, ');
  }, 60_000);
  login.abort();
  rest.push('last');
  rest.push(null);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('first, last');
  await close();
  expect(lines).toEqual([]);
});
