import { PassThrough, Writable } from 'node:stream';
import { queryObjects } from 'node:v8';

import type { Context } from 'koa';

import { readBody } from '../../../src/http/requests/request-body';

/** A chunk that the heap can be searched for. */
class Chunk extends Uint8Array {}

function send(req: Writable, text: string): void {
  req.write(Chunk.from(Buffer.from(text)));
}

describe('readBody', () => {
  it('returns the body, and keeps no chunk of it while the request and the response are open', async () => {
    const req = new PassThrough({ objectMode: true, autoDestroy: false });
    const ctx = { req, res: new Writable(), get: () => '' } as unknown as Context;
    const reading = readBody(ctx, 100);
    send(req, '{"query":');
    send(req, '"Hi"}');
    req.end();
    expect((await reading).toString()).toBe('{"query":"Hi"}');
    expect(queryObjects(Chunk, { format: 'count' })).toBe(0);
    expect(req.listenerCount('error')).toBeGreaterThan(0);
  });
});
