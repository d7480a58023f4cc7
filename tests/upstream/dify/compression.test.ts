import { constants, createBrotliCompress, createDeflate, createGzip, type BrotliCompress } from 'node:zlib';
import type { Deflate, Gzip } from 'node:zlib';

import { askDify, difyClient, difySettings, readDify } from '../../chat/support/dify';
import { createGate } from '../../support/gate';
import { listen } from '../support/raw-upstream';

type Compressor = Gzip | Deflate | BrotliCompress;

const headOf = (coding: string) =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: ${coding}\r\nConnection: close\r\n\r\n`;
const frame = (event: object) => `data: ${JSON.stringify(event)}\n\n`;
const end = frame({ event: 'message_end' });

const codings: readonly [string, () => Compressor, number][] = [
  ['gzip', createGzip, constants.Z_SYNC_FLUSH],
  ['deflate', createDeflate, constants.Z_SYNC_FLUSH],
  ['br', createBrotliCompress, constants.BROTLI_OPERATION_FLUSH],
];

/** Starts an upstream that compresses its reply, although the request forbids it. */
function compressing(coding: string, compressor: Compressor) {
  return listen((socket) => {
    socket.write(headOf(coding));
    compressor.pipe(socket);
  });
}

describe('a compressed reply', () => {
  it.each(codings)('is read event by event: %s', async (coding, create, flush) => {
    const compressor = create();
    const upstream = await compressing(coding, compressor);
    const { opened: isRead, open: read } = createGate();
    compressor.write(frame({ event: 'message', answer: 'Hel' }));
    compressor.flush(flush);
    void isRead.then(() => compressor.end(frame({ event: 'message', answer: 'lo' }) + end));
    const reader = readDify(difyClient(difySettings(upstream)));
    expect(await reader.next()).toEqual([{ type: 'delta', text: 'Hel' }]);
    read();
    expect(await reader.next()).toMatchObject([{ type: 'delta', text: 'lo' }, { type: 'completed' }]);
    expect(await reader.next()).toBeNull();
    await upstream.close();
  });

  it('is rejected if a decompressed frame is over the limit, even if few bytes were sent', async () => {
    const compressor = createGzip();
    const upstream = await compressing('gzip', compressor);
    const zeros = Buffer.alloc(1024 * 1024, '0');
    compressor.write('data: ');
    for (let count = 0; count < 100; count += 1) compressor.write(zeros);
    compressor.end('\n\n');
    const { text, error } = await askDify(difyClient(difySettings(upstream)));
    expect([text, error]).toMatchObject(['', { code: 'upstream-malformed' }]);
    await upstream.idle();
    await upstream.close();
  });

  it('is an interrupted answer if its compressed data is broken', async () => {
    const compressor = createGzip();
    const upstream = await listen((socket) => {
      socket.write(headOf('gzip'));
      compressor.once('data', (data: Buffer) => {
        socket.write(data);
        socket.end('no gzip at all');
      });
    });
    compressor.write(frame({ event: 'message', answer: 'Half' }));
    compressor.flush(constants.Z_SYNC_FLUSH);
    const { text, error } = await askDify(difyClient(difySettings(upstream)));
    expect([text, error]).toMatchObject([
      expect.stringMatching(/^(Half)?$/u),
      { code: 'upstream-interrupted' },
    ]);
    await upstream.close();
  });
});
