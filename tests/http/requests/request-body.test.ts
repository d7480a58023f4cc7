import { Readable, Writable } from 'node:stream';
import { queryObjects } from 'node:v8';

import type { Context } from 'koa';

import { readBody } from '../../../src/http/requests/request-body';

/** A chunk that the heap can be searched for. */
class Chunk extends Uint8Array {}

const encode = (text: string) => Chunk.from(Buffer.from(text));

describe('readBody', () => {
  it('returns the body, and keeps no chunk of it while the request and the response are open', async () => {
    const req = Readable.from(['{"query":', '"Hi"}'].map(encode), { autoDestroy: false });
    const ctx = { req, res: new Writable(), get: () => '' } as unknown as Context;
    expect((await readBody(ctx, 100)).toString()).toBe('{"query":"Hi"}');
    expect(queryObjects(Chunk, { format: 'count' })).toBe(0);
    expect(ctx.req.listenerCount('error')).toBeGreaterThan(0);
  });
});
