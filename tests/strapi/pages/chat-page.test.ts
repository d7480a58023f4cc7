import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Core } from '@strapi/strapi';
import Koa from 'koa';

import { createChatPage } from '../../../src/strapi/pages/chat-page';

const script = `console.log('${'long '.repeat(1000)}');`;
const assetPath = '/chat/assets/index-1a2b3c4d.js';

let folder: string;
let server: Server;
let url: string;
let isRegistrationAllowed: boolean;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-page-'));
  mkdirSync(path.join(folder, 'assets'));
  writeFileSync(path.join(folder, 'assets', 'index-1a2b3c4d.js'), script);
  writeFileSync(path.join(folder, 'index.html'), '<title>Page</title>');
  isRegistrationAllowed = true;
  const strapi = {
    store: () => ({ get: async () => ({ allow_register: isRegistrationAllowed }) }),
    config: { get: (_name: string, fallback: unknown) => fallback },
  } as unknown as Core.Strapi;
  const app = new Koa();
  app.use(createChatPage(strapi, { folder, compresses: true, imageOrigins: ['https://pictures.example'] }));
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const get = (address: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
  fetch(`${url}${address}`, { method, headers, redirect: 'manual' });

describe('the chat page', () => {
  it.each([
    ...['/chat/', '/chat/c/0f9e', '/chat/login', '/chat/register', '/chat/forgot-password'],
    ...['/chat/reset-password?code=1', '/chat/account', '/chat/index.html'],
  ])('is at %s, and is asked for again each time', async (address) => {
    const page = await get(address);
    expect([page.status, page.headers.get('content-type'), page.headers.get('cache-control')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    expect(await page.text()).toBe('<title>Page</title>');

    const tag = page.headers.get('etag') ?? '';
    expect((await get(address, { 'If-None-Match': tag })).status).toBe(304);
  });

  it('redirects from /chat, with the query', async () => {
    const { status, headers } = await get('/chat?lang=zh');
    expect([status, headers.get('location')]).toEqual([308, '/chat/?lang=zh']);
  });

  it('lets browsers keep a file whose name has a digest', async () => {
    const asset = await get(assetPath);
    expect(asset.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(await asset.text()).toBe(script);
  });

  it('is compressed for clients that accept gzip only', async () => {
    const [compressed, plain] = [
      await get(assetPath, { 'Accept-Encoding': 'gzip' }),
      await get(assetPath, { 'Accept-Encoding': 'gzip;q=0' }),
    ];
    expect(compressed.headers.get('content-encoding')).toBe('gzip');
    expect(Number(compressed.headers.get('content-length'))).toBeLessThan(script.length / 10);
    expect(await compressed.text()).toBe(script);
    expect([plain.headers.get('content-encoding'), await plain.text()]).toEqual([null, script]);
  });

  it('runs only scripts of this server, and no page can frame it', async () => {
    const { headers } = await get('/chat/');
    const policy = headers.get('content-security-policy')?.split('; ') ?? [];
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob: https://pictures.example",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ]),
    );
    expect(headers.get('content-security-policy')).not.toContain('unsafe');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  it.each([
    ['GET', '/chat/assets/index-00000000.js'],
    ['GET', '/chat/assets/'],
    ['GET', '/chat/unknown.png'],
    ['GET', '/chat/tokens'],
    ['GET', '/chat/..%2f..%2fpackage.json'],
    ['GET', '/chat/__proto__.js'],
    ['GET', '/chats'],
    ['GET', '/CHAT/'],
    ['POST', '/chat/'],
  ])('leaves %s %s to the next middleware', async (method, address) => {
    expect((await get(address, {}, method)).status).toBe(404);
  });

  it('tells itself whether registration is open, and the shortest password', async () => {
    const open = await get('/chat/settings.json');
    isRegistrationAllowed = false;
    const closed = await get('/chat/settings.json');
    expect([await open.json(), await closed.json()]).toEqual([
      { registration: true, min_password_chars: 6 },
      { registration: false, min_password_chars: 6 },
    ]);
    expect(closed.headers.get('cache-control')).toBe('no-store');
  });

  it('says how to build it, and appears after the build', async () => {
    rmSync(path.join(folder, 'index.html'));
    const missing = await get('/chat/');
    expect([missing.status, await missing.text()]).toEqual([
      503,
      'The chat page is not built. Run "npm run build:web" and load this page again.\n',
    ]);
    writeFileSync(path.join(folder, 'index.html'), '<title>New</title>');
    expect(await (await get('/chat/')).text()).toBe('<title>New</title>');
  });
});
