import { Readable } from 'node:stream';

import { createCall, readStart } from '../../../src/upstream/http/call';
import { createDifyEmulator } from '../../dify-emulator';
import { thrown } from '../../chat/support/collect';
import { difySettings } from '../../chat/support/dify';
import { answering, listen } from '../support/raw-upstream';
import { listenTls } from '../support/tls-upstream';

describe('createCall', () => {
  it('encodes the query, and sends a body with the Accept header', async () => {
    const dify = await createDifyEmulator().listen();
    const call = createCall(difySettings(dify));
    const got = await call.get('/conversations', { user: 'a&b=c d 好' });
    const posted = await call.post('/chat-messages/x/stop', { user: 'ann' }, 'text/plain');
    expect([await readStart(got.body), await readStart(posted.body)]).toEqual([
      expect.stringContaining('"data":[]'),
      expect.stringContaining('success'),
    ]);
    expect(dify.requests).toMatchObject([
      { method: 'GET', path: '/v1/conversations?user=a%26b%3Dc+d+%E5%A5%BD' },
      { method: 'POST', body: { user: 'ann' }, headers: { accept: 'text/plain' } },
    ]);
    call.deadlines.cancel();
    await dify.close();
  });

  it('sends no empty query, and no Authorization header without a key', async () => {
    const dify = await createDifyEmulator().listen();
    const call = createCall({ ...difySettings(dify), apiKey: '' });
    await call.get('/models', {});
    expect(dify.requests).toMatchObject([{ path: '/v1/models' }]);
    expect(dify.requests[0]?.headers).not.toHaveProperty('authorization');
    call.deadlines.cancel();
    await dify.close();
  });

  it('sends the headers of a login in place of a key', async () => {
    const dify = await createDifyEmulator().listen();
    const { apiKey: _key, ...target } = difySettings(dify);
    const call = createCall({ ...target, headers: { Cookie: 'a=1; b=2', 'X-CSRF-Token': 'x' } });
    await call.post('/chat-messages/x/stop', {});
    expect(dify.requests[0]?.headers).toMatchObject({ cookie: 'a=1; b=2', 'x-csrf-token': 'x' });
    expect(dify.requests[0]?.headers).not.toHaveProperty('authorization');
    call.deadlines.cancel();
    await dify.close();
  });

  it('returns each cookie of a response', async () => {
    const upstream = await listen((socket) =>
      socket.end(
        'HTTP/1.1 204 Done\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nConnection: close\r\n\r\n',
      ),
    );
    const call = createCall(difySettings(upstream));
    expect((await call.get('/x', {})).cookies).toEqual(['a=1', 'b=2; Path=/']);
    call.deadlines.cancel();
    await upstream.close();
  });

  it('returns the header Retry-After', async () => {
    const upstream = await listen((socket) =>
      socket.end('HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nConnection: close\r\n\r\n'),
    );
    const call = createCall(difySettings(upstream));
    expect(await call.get('/x', {})).toMatchObject({ status: 429, retryAfter: '7' });
    call.deadlines.cancel();
    await upstream.close();
  });

  it.each([200, 204, 302, 404, 500])('returns a response for the status %d', async (status) => {
    const upstream = await answering(status, '');
    const call = createCall(difySettings(upstream));
    expect((await call.get('/x', {})).status).toBe(status);
    call.deadlines.cancel();
    await upstream.close();
  });

  it('ends at a deadline, and reports which one', async () => {
    const upstream = await listen(() => undefined);
    const call = createCall(difySettings(upstream, { firstByteTimeoutMs: 30 }));
    expect(call.expired()).toBeUndefined();
    await thrown(call.get('/x', {}));
    expect(call.expired()).toMatchObject({ code: 'upstream-timeout', cause: { expired: 'first byte' } });
    await upstream.idle();
    await upstream.close();
  });

  it('waits for the first byte from the end of the TLS handshake', async () => {
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

  it('fails on an upgrade that it did not request', async () => {
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
  it('joins characters that are split between chunks', async () => {
    const bytes = Buffer.from('好的');
    expect(await readStart(Readable.from([bytes.subarray(0, 2), bytes.subarray(2)]))).toBe('好的');
  });

  it('returns the start of a body that breaks off or never ends', async () => {
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
