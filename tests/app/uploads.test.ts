import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { itInFull } from '../faults/support/scale';
import { holdsWithin } from '../support/until';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { boundary, end, fileBody, fileHead, filesIn, openUpload, pixel, upload } from '../support/multipart';

const uploadLimit = 2 ** 20;

let app: App;
let user: Client;
let temporary: string;
let asAdmin: Record<string, string>;
let asUser: Record<string, string>;

beforeAll(async () => {
  temporary = await mkdtemp(path.join(tmpdir(), 'uploads-test-'));
  app = await startApp({ env: { TMPDIR: temporary, UPLOAD_LIMIT: '1mb' } });
  user = await app.createUser();
  asUser = { Authorization: `Bearer ${user.token}` };
  asAdmin = { Authorization: `Bearer ${app.admin.client.token}` };
});
afterAll(async () => {
  await app.stop();
  expect(await filesIn(temporary)).toMatchObject({ count: 0 });
  await rm(temporary, { recursive: true });
});
afterEach(expectNothingLeft);

async function expectNothingLeft(): Promise<void> {
  const nothing = async () => (await filesIn(temporary)).count === 0;
  expect((await holdsWithin(5_000, nothing)) || (await filesIn(temporary)).names).toBe(true);
}

const sentence = 'This address takes no files. Send JSON.';

describe('a multipart body', () => {
  it.each([
    ['POST', '/api/chat-conversations/create-message'],
    ['POST', '/api/auth/local'],
    ['POST', '/admin/login'],
    ['POST', '/conversations'],
    ['PUT', '/upload/settings'],
    ['GET', '/upload/files'],
    ['DELETE', '/upload/files/1'],
    ['POST', '/upload/folders'],
    ['GET', '/api/chat-conversations/my-list'],
    ['DELETE', '/api/chat/me'],
    ['GET', '/_health'],
    ['GET', '/uploads/none.png'],
  ])('to %s %s is refused with 415 before its end', async (method, pathname) => {
    const request = openUpload(app.url, method, pathname, asUser);
    await request.write(fileHead());
    await request.write(pixel);
    const reply = await request.reply;
    request.destroy();
    expect(reply?.status).toBe(415);
    expect(reply?.body).toEqual({
      data: null,
      error: {
        status: 415,
        name: 'ChatError',
        message: sentence,
        details: { code: 'unsupported-media-type' },
      },
    });
  });

  it.each([
    [404, 'POST', '/api/no-such-path'],
    [404, 'POST', '/no-such-path'],
    [404, 'PUT', '/api/chat-conversations/typo/of/a/path'],
    [405, 'POST', '/admin/init'],
    [405, 'PUT', '/api/upload'],
    [405, 'POST', '/api/upload/files'],
    [405, 'PATCH', '/upload'],
    [405, 'POST', '/api/chat-conversations/my-list'],
    [405, 'POST', '/ws/0b8d43a4-2a43-4b32-b1a5-4fc5b1f8b8a0'],
  ])('returns %s to %s %s before its end', async (expected, method, pathname) => {
    const request = openUpload(app.url, method, pathname, asUser);
    await request.write(fileHead());
    const reply = await request.reply;
    request.destroy();
    // The WebSocket's path sends errors in the envelope of the session API.
    const { code, error } = reply?.body ?? {};
    expect([reply?.status, code ?? error?.status]).toEqual([expected, expected]);
  });

  it('to the session API is refused in the envelope of that API', async () => {
    for (const pathname of ['/api/chat/session', '/aichat/createsession', '/api/chat/message']) {
      const { status, body } = await upload(app.url, 'POST', pathname, fileBody(), asUser);
      expect(status).toBe(415);
      expect(body).toEqual({
        code: 415,
        message: sentence,
        data: null,
        error: { code: 'unsupported-media-type' },
      });
    }
  });

  it.each([
    `Multipart/Form-Data; boundary=${boundary}`,
    `MULTIPART/MIXED; boundary=${boundary}`,
    `multipart/related; boundary=${boundary}`,
    `multipart/octet-stream; boundary=${boundary}`,
    `multipart/form-data;boundary="${boundary}"`,
    'multipart/form-data',
    'multipart/form-data; boundary',
    'multipart/',
  ])('of type "%s" is refused with 415 by a route that takes no files', async (type) => {
    const headers = { ...asUser, 'Content-Type': type };
    const { status } = await upload(app.url, 'POST', '/api/chat/session', fileBody(), headers);
    expect(status).toBe(415);
  });

  it('of a HEAD request is refused with 415', async () => {
    const { status } = await upload(app.url, 'HEAD', '/api/chat/ready', fileBody(), asUser);
    expect(status).toBe(415);
  });

  it('without any bytes is accepted', async () => {
    const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}` };
    const { status } = await app.anonymous.request('GET', '/api/chat/ready', { headers });
    expect(status).toBe(200);
  });
});

describe('a client that continues to send after 415', () => {
  it('gets the reply and then loses the connection', async () => {
    const request = openUpload(app.url, 'POST', '/api/chat/session', asUser);
    let isOver = false;
    void request.closed.then(() => (isOver = true));
    const sending = (async () => {
      await request.write(fileHead());
      while (!isOver) await request.write(Buffer.alloc(65_536));
    })();
    const reply = await request.reply;
    expect(reply?.status).toBe(415);
    expect(reply?.headers['connection']).toBe('close');
    await request.closed;
    await sending;
  });
});

describe('an upload by an administrator', () => {
  it('of a picture is saved in the media library', async () => {
    const { status, body } = await upload(app.url, 'POST', '/upload', fileBody(), asAdmin);
    expect(status).toBe(201);
    const [file] = body;
    expect(file).toMatchObject({ name: 'pixel.png', mime: 'image/png', width: 1 });
    const replaced = fileBody(pixel, 'files', 'other.png');
    expect((await upload(app.url, 'POST', `/upload?id=${file.id}`, replaced, asAdmin)).status).toBe(200);
    expect(
      (await upload(app.url, 'POST', `/upload/files/${file.id}/replace`, replaced, asAdmin)).status,
    ).toBe(200);
    const served = await fetch(`${app.url}${file.url}`);
    expect(served.headers.get('Content-Type')).toBe('image/png');
  });

  it('of one file to /upload/files returns that file', async () => {
    const named = `--${boundary}\r\nContent-Disposition: form-data; name="fileInfo"\r\n\r\n{"name":"爱","caption":"é"}\r\n`;
    const body = Buffer.concat([Buffer.from(named), fileBody(pixel, 'files', '爱达.png')]);
    const reply = await upload(app.url, 'POST', '/upload/files', body, asAdmin);
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({ name: '爱', caption: 'é', ext: '.png' });
  });

  it('of several files saves all of them with their own names', async () => {
    const body = Buffer.concat([
      Buffer.from(fileHead('files', '一.png')),
      pixel,
      Buffer.from('\r\n'),
      fileBody(pixel, 'files', 'b.png'),
    ]);
    const reply = await upload(app.url, 'POST', '/upload', body, asAdmin);
    expect(reply.body.map(({ name }: { name: string }) => name)).toEqual(['一.png', 'b.png']);
  });

  it('of a logo is saved in the settings of the admin panel', async () => {
    const { status, body } = await upload(
      app.url,
      'POST',
      '/admin/project-settings',
      fileBody(pixel, 'menuLogo'),
      asAdmin,
    );
    expect(status).toBe(200);
    expect(body.menuLogo).toMatchObject({ name: 'pixel.png', width: 1 });
  });

  it('of a type that is not allowed is refused and leaves no file', async () => {
    const body = fileBody('<svg xmlns="http://www.w3.org/2000/svg"/>', 'files', 'a.svg', 'image/svg+xml');
    expect((await upload(app.url, 'POST', '/upload', body, asAdmin)).status).toBe(400);
  });

  it('with an unknown field is refused and leaves no file', async () => {
    const { status } = await upload(app.url, 'POST', '/upload', fileBody(pixel, 'elsewhere'), asAdmin);
    expect(status).toBe(400);
  });

  it.each([
    ['no boundary', 'multipart/form-data', fileBody()],
    ['a missing end', undefined, Buffer.from(`${fileHead()}half`)],
    ['no multipart content', undefined, Buffer.from('nothing')],
    ['no part', undefined, Buffer.from(`--${boundary}--\r\n`)],
  ])('with %s returns 400 with a message', async (_what, type, body) => {
    const headers = type === undefined ? asAdmin : { ...asAdmin, 'Content-Type': type };
    const { status, body: reply } = await upload(app.url, 'POST', '/upload', body, headers);
    expect(status).toBe(400);
    expect(reply.error.message.length).toBeGreaterThan(5);
  });

  it('can have a Content-Encoding, which must fit', async () => {
    const send = (body: Buffer, coding: string) =>
      upload(app.url, 'POST', '/upload', body, { ...asAdmin, 'Content-Encoding': coding });
    expect((await send(gzipSync(fileBody()), 'gzip')).status).toBe(201);
    const misfits = [
      await send(fileBody(), 'gzip'),
      await send(fileBody(), 'br'),
      await send(fileBody(), 'zstd'),
      await send(gzipSync(fileBody()).subarray(0, -12), 'gzip'),
    ];
    for (const { status, text } of misfits) {
      expect([status, text]).toEqual([400, expect.stringContaining('Content-Encoding')]);
    }
    expect((await send(gzipSync(Buffer.alloc(2 * uploadLimit)), 'gzip')).status).toBe(413);
  });

  it('with a Content-Encoding that does not fit and without a boundary is refused with 400', async () => {
    const headers = { ...asAdmin, 'Content-Encoding': 'gzip', 'Content-Type': 'multipart/form-data' };
    expect((await upload(app.url, 'POST', '/upload', fileBody(), headers)).status).toBe(400);
    expect((await upload(app.url, 'POST', '/upload', fileBody(), asAdmin)).status).toBe(201);
  });

  it('with malformed UTF-8 in a field or a name is refused with 400', async () => {
    const malformed = Buffer.from([0xc3, 0x28]);
    const field = (name: Buffer, value: Buffer) =>
      Buffer.concat([
        Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="`),
        name,
        Buffer.from('"\r\n\r\n'),
        value,
        Buffer.from('\r\n'),
        fileBody(),
      ]);
    const bodies = [
      field(Buffer.from('fileInfo'), Buffer.concat([Buffer.from('{"name":"'), malformed, Buffer.from('"}')])),
      field(malformed, Buffer.from('{}')),
    ];
    const names = fileBody(pixel, 'files', 'NAME').toString('latin1').split('NAME');
    bodies.push(Buffer.from(names.join(malformed.toString('latin1')), 'latin1'));
    for (const body of bodies) {
      const reply = await upload(app.url, 'POST', '/upload', body, asAdmin);
      expect([reply.status, reply.text]).toEqual([400, expect.stringContaining('UTF-8')]);
    }
  });

  it('of another kind of multipart is refused with 415', async () => {
    for (const type of ['multipart/mixed', 'multipart/related', 'multipart/octet-stream']) {
      const headers = { ...asAdmin, 'Content-Type': `${type}; boundary=${boundary}` };
      expect((await upload(app.url, 'POST', '/upload', fileBody(), headers)).status).toBe(415);
    }
  });

  it('above UPLOAD_LIMIT is refused by its Content-Length, before its end', async () => {
    const headers = { ...asAdmin, 'Content-Length': String(uploadLimit + 1) };
    const request = openUpload(app.url, 'POST', '/upload', headers);
    await request.write(fileHead());
    const reply = await request.reply;
    request.destroy();
    expect(reply?.status).toBe(413);
    expect(reply?.body.error.message).toBe('The upload is larger than 1048576 bytes. Send less.');
  });

  it('above UPLOAD_LIMIT without a Content-Length is refused during the transfer', async () => {
    const body = fileBody(Buffer.alloc(uploadLimit));
    const { status, body: reply } = await upload(app.url, 'POST', '/upload', body, asAdmin);
    expect(status).toBe(413);
    expect(reply.error.details.code).toBe('payload-too-large');
  });

  it('of 101 files is refused', async () => {
    const body = `${Array.from({ length: 101 }, () => `${fileHead()}x`).join('\r\n')}${end}`;
    expect((await upload(app.url, 'POST', '/upload', body, asAdmin)).status).toBe(413);
  });

  it('that the client aborts leaves no file', async () => {
    const request = openUpload(app.url, 'POST', '/upload', asAdmin);
    await request.write(fileHead());
    await request.write(Buffer.alloc(200_000));
    expect(await holdsWithin(10_000, async () => (await filesIn(temporary)).bytes > 0)).toBe(true);
    request.destroy();
    await expectNothingLeft();
  });
});

describe('an upload by a client without the permission', () => {
  it.each([
    ['an anonymous client', '/upload', () => ({}), 401],
    ['an anonymous client', '/api/upload', () => ({}), 401],
    ['a user', '/api/upload', () => asUser, 403],
    ['a user', '/upload', () => asUser, 401],
    ['an anonymous client', '/admin/project-settings', () => ({}), 401],
  ])('(%s, at %s) is refused before its end', async (_who, pathname, headers, status) => {
    const request = openUpload(app.url, 'POST', pathname, headers());
    await request.write(fileHead());
    await request.write(pixel);
    const reply = await request.reply;
    expect((await filesIn(temporary)).count).toBe(0);
    request.destroy();
    expect(reply?.status).toBe(status);
  });

  it('is accepted after the user gets the permission', async () => {
    await app.admin.setAllowed('plugin::upload.content-api.upload', true);
    try {
      expect((await upload(app.url, 'POST', '/api/upload', fileBody(), asUser)).status).toBe(201);
    } finally {
      await app.admin.setAllowed('plugin::upload.content-api.upload', false);
    }
  });
});

describe('a process that is killed in the middle of an upload', () => {
  itInFull('loses its temporary files at the next start, and other processes keep theirs', async () => {
    const other = await app.startAnother();
    const opened = [app.url, other].map((url) => openUpload(url, 'POST', '/upload', asAdmin));
    for (const request of opened) {
      await request.write(fileHead());
      await request.write(pixel.subarray(0, 20));
    }
    expect(await holdsWithin(10_000, async () => (await filesIn(temporary)).bytes === 40)).toBe(true);
    await app.killAndRestart();
    expect(await holdsWithin(10_000, async () => (await filesIn(temporary)).bytes === 20)).toBe(true);
    const [, living] = opened;
    await living?.write(pixel.subarray(20));
    await living?.write(end);
    living?.end();
    expect((await living?.reply)?.status).toBe(201);
  });
});
