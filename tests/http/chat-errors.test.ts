import { createServer } from 'node:net';
import { once } from 'node:events';

import type { Core } from '@strapi/strapi';
import knex from 'knex';
import Koa from 'koa';

import { markDriverErrors } from '../../src/database/sql/driver-errors';
import chatErrors from '../../src/middlewares/chat-errors';
import { freePort } from '../support/free-port';
import { thrown } from '../chat/support/collect';

const strapi = { log: { error: () => undefined } } as unknown as Core.Strapi;

/** Answers a request to one of Strapi's own routes whose handler throws `error`. @returns the status. */
async function statusFor(error: unknown): Promise<number> {
  const app = new Koa({ env: 'test' });
  app.on('error', () => undefined);
  app.use(chatErrors({}, { strapi }));
  app.use((ctx) => {
    ctx.state['route'] = { info: { pluginName: 'upload', type: 'admin' } };
    throw error;
  });
  const server = app.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const { status } = await fetch(`http://127.0.0.1:${port}/upload`);
  server.close();
  return status;
}

describe("an error on one of Strapi's own routes", () => {
  it('is a 503 if the database is unreachable', async () => {
    const connection = { host: '127.0.0.1', port: await freePort() };
    const database = knex({ client: 'pg', connection });
    markDriverErrors(database);
    expect(await statusFor(await thrown(() => database.raw('select 1')))).toBe(503);
    expect(await statusFor(await thrown(() => database.transaction()))).toBe(503);
    await database.destroy();
  });

  it('is a 503 if the connection breaks during a query', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const database = knex({ client: 'pg', connection: { host: '127.0.0.1', port } });
    markDriverErrors(database);
    expect(await statusFor(await thrown(() => database.raw('select 1')))).toBe(503);
    await database.destroy();
    server.close();
  });

  it.each(['ECONNREFUSED', 'ETIMEDOUT', 'ENOSPC', 'EMFILE'])(
    'is a 500 for %s of a mail server, a bucket or a file',
    async (code) => {
      expect(await statusFor(Object.assign(new Error('failed'), { code }))).toBe(500);
    },
  );

  it('is a 503 for a locked or full database', async () => {
    for (const code of ['SQLITE_BUSY', 'SQLITE_FULL', '53300', '57P01']) {
      expect(await statusFor(Object.assign(new Error('failed'), { code }))).toBe(503);
    }
  });
});
