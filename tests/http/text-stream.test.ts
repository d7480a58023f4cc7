import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import Koa from 'koa';

import { streamText } from '../../src/http/text-stream';
import { createGate } from '../support/gate';

const piece = 'x'.repeat(100_000);

/** Serves `pieces` over a real socket. @returns the unread response. */
async function serve(pieces: () => AsyncGenerator<string, void>) {
  const errors: string[] = [];
  const log = { info: () => undefined, error: (text: string) => void errors.push(text) };
  const loginEnd = new AbortController().signal;
  const options = { type: 'text/plain; charset=utf-8', log, loginEnd };
  const koa = new Koa().use((ctx) => streamText(ctx, options, pieces()));
  koa.silent = true;
  const server = koa.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [response] = (await once(
    get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false }),
    'response',
  )) as [IncomingMessage];
  return { response, errors, close: () => new Promise((resolve) => server.close(resolve)) };
}

it('streamText sends every piece to the end', async () => {
  const { response, close } = await serve(async function* () {
    yield 'one, ';
    yield 'zwei, ';
    yield '三';
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('one, zwei, 三');
  expect(response.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
  });
  await close();
});

it('streamText makes no more pieces than a slow client takes, and none after the client leaves', async () => {
  let made = 0;
  let hasReturned: () => void = () => undefined;
  const returned = new Promise<void>((resolve) => (hasReturned = resolve));
  const { response, close } = await serve(async function* () {
    try {
      for (; made < 10_000; made += 1) yield piece;
    } finally {
      hasReturned();
    }
  });
  await once(response, 'readable');
  // The client stops reading. The pieces fill the buffers (some megabytes), and then no more are made.
  for (let before = -1; before !== made;) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(made).toBeLessThan(200);
  response.destroy();
  await returned;
  await close();
});

it('streamText cuts the connection if a later piece fails, and does not log the error message', async () => {
  const { opened: arrived, open: arrive } = createGate();
  const { response, errors, close } = await serve(async function* () {
    yield piece;
    await arrived;
    throw new Error('secret text');
  });
  response.resume();
  arrive();
  const [error] = (await once(response, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
  expect(errors).toEqual([expect.stringMatching(/^GET \/: cut off: Error /u)]);
  expect(errors.join()).not.toContain('secret');
  await close();
});

it('streamText replies with 500 if the first piece fails', async () => {
  const { response, close } = await serve(() => {
    throw new Error('no first piece');
  });
  response.resume();
  expect(response.statusCode).toBe(500);
  await close();
});
