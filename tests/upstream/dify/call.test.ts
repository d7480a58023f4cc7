import { Readable } from 'node:stream';

import { createCall, readStart } from '../../../src/upstream/dify/call';
import { createDifyEmulator } from '../../dify-emulator';
import { thrown } from '../../chat/support/collect';
import { difySettings } from '../../chat/support/dify';
import { answering, listen } from './support/raw-upstream';
import { listenTls } from './support/tls-upstream';

describe('createCall', () => {
  it('sends a query as it must be written, and a body with what is accepted', async () => {
    const dify = await createDifyEmulator().listen();
    const call = createCall(difySettings(dify));
    const got = await call.get('/conversations', { user: 'a&b=c d 好' });
    const posted = await call.post('/messages/x/feedbacks', { user: 'ann' }, 'text/plain');
    expect([await readStart(got.body), await readStart(posted.body)]).toEqual([
      expect.stringContaining('"data":[]'),
      expect.stringContaining('not_found'),
    ]);
    expect(dify.requests).toMatchObject([
      { method: 'GET', path: '/v1/conversations?user=a%26b%3Dc+d+%E5%A5%BD' },
      { method: 'POST', body: { user: 'ann' }, headers: { accept: 'text/plain' } },
    ]);
    call.deadlines.cancel();
    await dify.close();
  });

  it.each([200, 204, 302, 404, 500])('takes the status %d for a response', async (status) => {
    const upstream = await answering(status, '');
    const call = createCall(difySettings(upstream));
    expect((await call.get('/x', {})).status).toBe(status);
    call.deadlines.cancel();
    await upstream.close();
  });

  it('is ended by its deadlines, and says by which', async () => {
    const upstream = await listen(() => undefined);
    const call = createCall(difySettings(upstream, { firstByteTimeoutMs: 30 }));
    expect(call.expired()).toBeUndefined();
    await thrown(call.get('/x', {}));
    expect(call.expired()).toMatchObject({ code: 'upstream-timeout', cause: { expired: 'first byte' } });
    await upstream.idle();
    await upstream.close();
  });

  it('waits for the first byte once the handshake of TLS is done', async () => {
    const upstream = await listenTls((socket) => {
      if (upstream.connections() === 1) socket.end('HTTP/1.1 204 None\r\n\r\n');
    });
    const answered = createCall(difySettings(upstream));
    expect((await answered.get('/x', {})).status).toBe(204);
    answered.deadlines.cancel();
    const call = createCall(difySettings(upstream, { firstByteTimeoutMs: 30 }));
    await thrown(call.get('/x', {}));
    expect(call.expired()).toMatchObject({ code: 'upstream-timeout', cause: { expired: 'first byte' } });
    await upstream.idle();
    await upstream.close();
  });

  it('fails where an upgrade is offered that it never asked for', async () => {
    const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n';
    const upstream = await listen((socket) => socket.write(head));
    const call = createCall(difySettings(upstream));
    expect(await thrown(call.get('/x', {}))).toMatchObject({ code: 'EOF' });
    call.deadlines.cancel();
    await upstream.idle();
    await upstream.close();
  });
});

describe('readStart', () => {
  it('reads characters that were cut in two', async () => {
    const bytes = Buffer.from('好的');
    expect(await readStart(Readable.from([bytes.subarray(0, 2), bytes.subarray(2)]))).toBe('好的');
  });

  it('ends with what there is where the body breaks off, or does not end', async () => {
    async function* broken() {
      yield Buffer.from('half');
      throw new Error('reset');
    }
    function* endless() {
      for (;;) yield Buffer.alloc(1024 * 1024, 'x');
    }
    expect(await readStart(Readable.from(broken()))).toBe('half');
    expect(await readStart(Readable.from(endless()))).toHaveLength(8 * 1024 * 1024);
  });
});
