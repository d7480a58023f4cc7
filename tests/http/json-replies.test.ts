import { once } from 'node:events';
import { createRequire } from 'node:module';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

import type { Core } from '@strapi/strapi';
import Koa, { type Context } from 'koa';

import jsonReplies from '../../src/middlewares/json-replies';

/** The package that Strapi's own middleware calls. It has no types. */
const compress: unknown = createRequire(__filename)('koa-compress');
const strapi = { middleware: () => compress } as unknown as Core.Strapi;
const list = { data: Array.from({ length: 40 }, (_, id) => ({ id, query: 'How is the sea?' })) };
const text = JSON.stringify(list);

interface Received {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly route?: object;
  readonly compresses?: boolean;
}

const ofUsers = { info: { apiName: 'chat-session' }, config: {} };

/** Sends one request to a handler on one of the routes. */
async function get(handler: (ctx: Context) => void, asked: Asked = {}): Promise<Received> {
  const { headers = {}, method = 'GET', route = ofUsers, compresses = true } = asked;
  const app = new Koa({ env: 'test' });
  app.use(jsonReplies({ compresses }, { strapi }));
  app.use((ctx) => {
    ctx.state['route'] = route;
    handler(ctx);
  });
  const server = app.listen(0);
  await once(server, 'listening');
  const sent = request({ port: (server.address() as AddressInfo).port, method, headers, agent: false }).end();
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  const bytes = Buffer.concat(await reply.toArray());
  server.close();
  return { status: reply.statusCode, headers: reply.headers, bytes };
}

const replyList = (ctx: Context) => void (ctx.body = list);
const tagOf = async () => String((await get(replyList)).headers.etag);

describe('a reply in JSON', () => {
  it('has a weak tag, and is private to the login', async () => {
    const { headers, bytes } = await get(replyList);
    expect(bytes.toString()).toBe(text);
    expect(headers).toMatchObject({
      etag: expect.stringMatching(/^W\/"[^"]+"$/u),
      vary: 'Authorization, Accept-Encoding',
      'cache-control': 'private, no-cache',
      'content-type': 'application/json; charset=utf-8',
    });
  });

  it('has another tag when it differs', async () => {
    const other = await get((ctx) => void (ctx.body = { data: [] }));
    expect(other.headers.etag).not.toBe(await tagOf());
  });

  it('is public where no login is needed, and keeps the Cache-Control of its controller', async () => {
    const route = { info: { apiName: 'chat' }, config: { auth: false } };
    const open = await get(replyList, { route });
    const kept = await get(
      (ctx) => {
        ctx.set('Cache-Control', 'public, max-age=300');
        ctx.type = 'application/json';
        ctx.body = text;
      },
      { route },
    );
    expect([open.headers['cache-control'], open.headers.vary]).toEqual(['no-cache', 'Accept-Encoding']);
    expect([kept.headers['cache-control'], kept.bytes.toString()]).toEqual(['public, max-age=300', text]);
  });

  it.each([
    ['the tag', (tag: string) => tag],
    ['the tag as a strong one', (tag: string) => tag.replace('W/', '')],
    ['a list with the tag', (tag: string) => `"other", W/"another" ,${tag},"last"`],
    ['any tag', () => '*'],
  ])('is a 304 without a body if the client has %s', async (_name, toHeader) => {
    const tag = await tagOf();
    for (const method of ['GET', 'HEAD']) {
      const headers = {
        'If-None-Match': toHeader(tag),
        'Accept-Encoding': 'gzip',
        'Cache-Control': 'no-cache',
      };
      const { status, headers: received, bytes } = await get(replyList, { method, headers });
      expect([status, bytes.length]).toEqual([304, 0]);
      expect(received).toMatchObject({
        etag: tag,
        vary: 'Authorization, Accept-Encoding',
        'cache-control': 'private, no-cache',
      });
      expect(Object.keys(received)).not.toContain('content-type');
      expect(Object.keys(received)).not.toContain('content-encoding');
    }
  });

  it.each(['"other"', '"other", "another"', 'W/"*"', ''])('is sent to a client with %j', async (header) => {
    const { status, bytes } = await get(replyList, { headers: { 'If-None-Match': header } });
    expect([status, bytes.toString()]).toEqual([200, text]);
  });

  it('has no tag if it answers a change, an error or has any length', async () => {
    const any = { headers: { 'If-None-Match': '*' } };
    const replies = [
      await get(replyList, { ...any, method: 'POST' }),
      await get((ctx) => {
        ctx.status = 503;
        ctx.body = list;
      }, any),
      await get((ctx) => {
        ctx.type = 'application/json';
        ctx.set('Cache-Control', 'no-store');
        ctx.body = Readable.from([text], { objectMode: false });
      }, any),
    ];
    expect(replies.map(({ status, headers }) => [status, headers.etag])).toEqual([
      [200, undefined],
      [503, undefined],
      [200, undefined],
    ]);
    for (const { bytes } of replies) expect(bytes.toString()).toBe(text);
  });
});

describe('the compression of JSON', () => {
  it.each([
    ['gzip', 'gzip', gunzipSync],
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['deflate;q=0.5, *;q=0', 'deflate', inflateSync],
  ])('takes for %j the encoding %s', async (header, encoding, decode) => {
    const { headers, bytes } = await get(replyList, { headers: { 'Accept-Encoding': header } });
    expect(headers['content-encoding']).toBe(encoding);
    expect(headers.etag).toBe(await tagOf());
    expect(decode(bytes).toString()).toBe(text);
    expect(bytes.length).toBeLessThan(text.length / 4);
  });

  it.each(['identity', 'gzip;q=0', 'identity;q=0', 'zstd', 'gzip;q=0.2, identity;q=0.9'])(
    'leaves the reply as it is for %j',
    async (header) => {
      const { status, headers, bytes } = await get(replyList, { headers: { 'Accept-Encoding': header } });
      expect([status, headers['content-encoding'], headers.vary, bytes.toString()]).toEqual([
        200,
        undefined,
        'Authorization, Accept-Encoding',
        text,
      ]);
    },
  );

  const gzip = { headers: { 'Accept-Encoding': 'gzip' } };

  it('compresses the reply to a change, and a list of any length', async () => {
    const changed = await get(replyList, { ...gzip, method: 'POST' });
    const streamed = await get((ctx) => {
      ctx.type = 'application/json';
      ctx.body = Readable.from([text.slice(0, 50), text.slice(50)], { objectMode: false });
    }, gzip);
    for (const { bytes } of [changed, streamed]) expect(gunzipSync(bytes).toString()).toBe(text);
  });

  it.each(['text/event-stream; charset=utf-8', 'application/x-ndjson', 'text/plain', 'image/png'])(
    'never touches %s',
    async (type) => {
      const { headers, bytes } = await get((ctx) => {
        ctx.set('Content-Type', type);
        ctx.body = new PassThrough().end(text);
      }, gzip);
      expect([headers['content-encoding'], headers.etag, headers.vary, bytes.toString()]).toEqual([
        undefined,
        undefined,
        undefined,
        text,
      ]);
    },
  );

  it('leaves a short reply, one that is encoded already, and routes of others', async () => {
    const short = await get((ctx) => void (ctx.body = { data: [] }), gzip);
    const encoded = await get((ctx) => {
      ctx.set({ 'Content-Encoding': 'br', 'Content-Type': 'application/json' });
      ctx.body = Readable.from([text], { objectMode: false });
    }, gzip);
    const foreign = await get(replyList, { ...gzip, route: { info: { apiName: 'article' }, config: {} } });
    expect(short.headers['content-encoding']).toBeUndefined();
    expect([encoded.headers['content-encoding'], encoded.bytes.toString()]).toEqual(['br', text]);
    expect([foreign.headers['content-encoding'], foreign.headers.etag]).toEqual([undefined, undefined]);
  });

  it('can be switched off', async () => {
    const { headers, bytes } = await get(replyList, { ...gzip, compresses: false });
    expect([headers['content-encoding'], headers.vary, bytes.toString()]).toEqual([
      undefined,
      'Authorization',
      text,
    ]);
  });
});
