import { once } from 'node:events';
import type http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import type { Core } from '@strapi/strapi';
import Koa, { type Middleware } from 'koa';

import { cacheSecurityHeaders } from '../../../src/strapi/patches/security-headers';

type Factory = (config: object, options: { strapi: Core.Strapi }) => Middleware;

// Of a package that does not export it.
const file = path.resolve(__dirname, '../../../node_modules/@strapi/core/dist/middlewares/security.js');
// eslint-disable-next-line @typescript-eslint/no-require-imports -- its path is no module's
const { security: strapisSecurity } = require(file) as { security: Factory };

const options = {
  strapi: { plugin: () => undefined, config: { get: () => '/admin' } } as unknown as Core.Strapi,
};
let calls: number;
let server: http.Server;
let url: string;

/** Strapi's middleware, as the application has it in its registry once it is extended. */
function remembering(): Middleware {
  let factory: Factory = (config, given) => {
    const security = strapisSecurity(config, given);
    return (ctx, next) => {
      calls += 1;
      return security(ctx, next);
    };
  };
  const extend = (_name: string, wrap: (before: Factory) => Factory) => {
    factory = wrap(factory);
  };
  cacheSecurityHeaders({ get: () => ({ extend }) } as unknown as Core.Strapi);
  return factory({}, options);
}

beforeEach(async () => {
  calls = 0;
  const app = new Koa();
  let requests = 0;
  app.use((ctx, next) => {
    requests += 1;
    ctx.set('x-request', String(requests));
    return next();
  });
  app.use(remembering());
  app.use((ctx) => {
    ctx.body = 'served';
  });
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.close();
  await once(server, 'close');
});

async function headersOf(path: string, method = 'GET'): Promise<Record<string, string>> {
  const response = await fetch(`${url}${path}`, { method, headers: { connection: 'close' } });
  expect(await response.text()).toBe('served');
  const { date: _date, ...headers } = Object.fromEntries(response.headers);
  return headers;
}

describe('cacheSecurityHeaders', () => {
  it('gives every request of the API the headers Strapi puts together, once', async () => {
    const { 'x-request': first, ...page } = await headersOf('/api/x');
    const { 'x-request': second, ...again } = await headersOf('/api/y', 'POST');
    expect(page).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'self'"),
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
    });
    expect(again).toEqual(page);
    expect(calls).toBe(1);
    expect([first, second]).toEqual(['1', '2']);
  });

  it('leaves pages to Strapi, before and after', async () => {
    const isForPages = (headers: Record<string, string>) =>
      headers['content-security-policy']?.includes('ws:') === true;
    expect(isForPages(await headersOf('/admin'))).toBe(true);
    expect(isForPages(await headersOf('/api/x'))).toBe(false);
    expect(isForPages(await headersOf('/admin'))).toBe(true);
    expect(isForPages(await headersOf('/aichat/x', 'POST'))).toBe(false);
    expect(calls).toBe(3);
  });
});
