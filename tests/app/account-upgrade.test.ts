import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { baseEnv, startApp, type App } from '../support/app';
import { password } from '../support/admin';
import { createDatabase, database } from '../support/database';
import { runStrapi } from '../support/strapi-command';
import { runInStrapi } from '../support/strapi-script';

const dify = { DIFY_API_URL: 'http://127.0.0.1:1', DIFY_API_KEY: 'app-x' };
const columns = ['username_key', 'email_key', 'unique_username', 'unique_email', 'unique_provider_email'];

/** Removes the columns and indexes that keep user names unique. An older version did not have them. */
async function forgetKeys({ db }: App): Promise<void> {
  const indexes = ['username_key_idx', 'email_key_idx', 'unique_username_uq', 'unique_email_uq'];
  if (database === 'sqlite') {
    for (const index of [...indexes, 'unique_provider_email_uq'])
      await db.raw(`drop index up_users_${index}`);
  }
  // PostgreSQL drops the indexes together with their columns.
  for (const column of columns) await db.raw(`alter table up_users drop column ${column}`);
  // Strapi updates the tables only when its schema differs from this stored one.
  await db('strapi_database_schema').delete();
}

/** Inserts an account as an older version saved it. @returns its id */
async function addOldAccount(app: App, username: string, email: string): Promise<number> {
  const template = await app.db('up_users').where({ username: 'template' }).first();
  const { id: _id, ...rest } = template;
  const [{ id }] = await app
    .db('up_users')
    .insert({
      ...rest,
      username,
      email,
      document_id: `old${username}`.replace(/\W/gu, '').padEnd(24, '0').slice(0, 24),
    })
    .returning('id');
  const role = await app.db('up_users_role_lnk').where({ user_id: template.id }).first();
  await app.db('up_users_role_lnk').insert({ user_id: id, role_id: role.role_id });
  return id;
}

const register = (app: App, username: string, email: string) =>
  app.anonymous.post('/api/auth/local/register', { username, email, password });
const login = (app: App, identifier: string) =>
  app.anonymous.post('/api/auth/local', { identifier, password });

describe('an upgraded installation with duplicate accounts', () => {
  let app: App;
  let ids: {
    readonly ann: number;
    readonly ANN: number;
    readonly annAgain: number;
    readonly intruder: number;
  };

  beforeAll(async () => {
    app = await startApp();
    await register(app, 'template', 'template@example.com');
    await app.signal('SIGTERM');
    await forgetKeys(app);
    ids = {
      ann: await addOldAccount(app, 'ann', 'ann@example.com'),
      ANN: await addOldAccount(app, 'Ann', 'other.ann@example.com'),
      annAgain: await addOldAccount(app, 'ann-again', 'ann@example.com'),
      intruder: await addOldAccount(app, 'victim@example.com', 'intruder@example.com'),
    };
    await app.restart();
  });
  afterAll(() => app.stop());

  it('keeps every account with its username and email', async () => {
    const rows = await app.db('up_users').select('id', 'username', 'email').orderBy('id');
    expect(rows).toEqual([
      { id: expect.any(Number), username: 'template', email: 'template@example.com' },
      { id: ids.ann, username: 'ann', email: 'ann@example.com' },
      { id: ids.ANN, username: 'Ann', email: 'other.ann@example.com' },
      { id: ids.annAgain, username: 'ann-again', email: 'ann@example.com' },
      { id: ids.intruder, username: 'victim@example.com', email: 'intruder@example.com' },
    ]);
  });

  it('logs the ids of accounts that share a name once, without email addresses', async () => {
    const sharing = `Ids of the users: ${ids.ANN}, ${ids.annAgain}.`;
    const foreign = `Ids of the users: ${ids.intruder}.`;
    expect(app.output().split(sharing)).toHaveLength(2);
    expect(app.output().split(foreign)).toHaveLength(2);
    await app.killAndRestart();
    expect(app.output().split(sharing)).toHaveLength(2);
    expect(app.output().split(foreign)).toHaveLength(2);
    expect(app.output()).not.toMatch(/@example\.com/u);
  });

  it('lets each account log in by its exact username or email', async () => {
    const idOf = async (identifier: string) => (await login(app, identifier)).body.user?.id;
    expect(await idOf('ann')).toBe(ids.ann);
    expect(await idOf('Ann')).toBe(ids.ANN);
    expect(await idOf('ANN')).toBeUndefined();
    expect(await idOf('ANN-AGAIN')).toBe(ids.annAgain);
    expect(await idOf('other.ann@example.com')).toBe(ids.ANN);
    expect(await idOf('victim@example.com')).toBe(ids.intruder);
    expect(await idOf('intruder@example.com')).toBe(ids.intruder);
  });

  it('returns 400 for a registration with such a name in any spelling', async () => {
    for (const [username, email] of [
      ['ann', 'new1@example.com'],
      ['ANN', 'new2@example.com'],
      ['aNn', 'new3@example.com'],
      ['new4', 'ann@example.com'],
      ['new5', 'ANN@example.com'],
      ['new6', 'other.ann@example.com'],
    ] as const) {
      expect([username, email, (await register(app, username, email)).status]).toEqual([
        username,
        email,
        400,
      ]);
    }
    const replies = await Promise.all([
      register(app, 'bob', 'bob@example.com'),
      register(app, 'Bob', 'bob2@example.com'),
    ]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 400]);
  });

  it('saves an account that keeps its shared name, and returns 400 if it changes to a taken name', async () => {
    const users = '/content-manager/collection-types/plugin::users-permissions.user';
    const { document_id } = await app.db('up_users').where({ id: ids.ANN }).first();
    const save = (change: object) =>
      app.admin.client.request('PUT', `${users}/${document_id}`, { body: change });
    expect((await save({ username: 'Ann', email: 'other.ann@example.com', confirmed: true })).status).toBe(
      200,
    );
    expect((await save({ username: 'Bob' })).status).toBe(400);
  });

  it('still refuses a shared name after the first account with it is deleted', async () => {
    const users = '/content-manager/collection-types/plugin::users-permissions.user';
    const { document_id } = await app.db('up_users').where({ id: ids.ann }).first();
    expect((await app.admin.client.request('DELETE', `${users}/${document_id}`)).status).toBe(200);
    // "Ann" and "ann-again" still exist.
    expect((await register(app, 'aNN', 'new7@example.com')).status).toBe(400);
    expect((await register(app, 'new8', 'Ann@example.com')).status).toBe(400);
  });

  it('can be exported with them and imported, and the copy also refuses taken names', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'chat-export-'));
    const other = await createDatabase();
    try {
      const file = path.join(folder, 'archive');
      const exported = await runStrapi(app, ['export', '--no-encrypt', '--no-compress', '--file', file]);
      expect(exported).toEqual({ code: 0, output: expect.stringContaining('Export archive is in') });
      const imported = await runStrapi(app, ['import', '--force', '--file', `${file}.tar`], {
        env: other.env,
      });
      expect(imported).toEqual({
        code: 0,
        output: expect.stringContaining('Import process has been completed'),
      });
      const there = { ...baseEnv, ...dify, ...other.env };
      const outcome = await runInStrapi(there, async (strapi) => {
        const users = strapi.db.query('plugin::users-permissions.user');
        const add = (username: string, email: string) =>
          users.create({ data: { username, email, provider: 'local', password: 'Passw0rd-of-tests' } }).then(
            () => 'made',
            (error: Error) => error.message,
          );
        return {
          names: (await users.findMany({}))
            .map(({ username }: { username: string }) => username.toLowerCase())
            .sort(),
          again: [await add('ANN', 'new@example.com'), await add('new', 'ANN@example.com')],
          race: (
            await Promise.all([add('carl', 'carl@example.com'), add('Carl', 'carl2@example.com')])
          ).sort(),
        };
      });
      expect(outcome).toEqual({
        names: ['ann', 'ann-again', 'bob', 'template', 'victim@example.com'],
        again: ['Username already taken', 'Email already taken'],
        race: ['Username already taken', 'made'],
      });
    } finally {
      await rm(folder, { recursive: true });
      await other.drop();
    }
  });
});

describe('an import into a new installation', () => {
  it('stops with an error that names one of two duplicate accounts', async () => {
    const other = await createDatabase();
    try {
      const outcome = await runInStrapi({ ...baseEnv, ...dify, ...other.env }, async (strapi) => {
        // An import does the same: one transaction, no lifecycle hooks, rows created by the query layer.
        strapi.db.lifecycles.disable();
        const users = strapi.db.query('plugin::users-permissions.user');
        const message = await strapi.db
          .transaction(async () => {
            await users.create({
              data: {
                documentId: 'a'.repeat(24),
                username: 'ann',
                email: 'ann@example.com',
                provider: 'local',
              },
            });
            await users.create({
              data: {
                documentId: 'b'.repeat(24),
                username: 'Ann',
                email: 'ann2@example.com',
                provider: 'local',
              },
            });
          })
          .catch((error: Error) => error.message);
        return { message, count: await users.count() };
      });
      expect(outcome).toEqual({ message: `Username already taken (user ${'b'.repeat(24)})`, count: 0 });
    } finally {
      await other.drop();
    }
  });
});

// SQLite supports only one process. There, the test checks that this process fills in the accounts.
it('two processes that upgrade an installation together fill in the keys of each account once', async () => {
  const app = await startApp();
  try {
    await register(app, 'template', 'template@example.com');
    await app.signal('SIGTERM');
    await forgetKeys(app);
    const template = await app.db('up_users').where({ username: 'template' }).first();
    const { id: _id, ...rest } = template;
    const rows = Array.from({ length: 1_700 }, (_, n) => ({
      ...rest,
      document_id: `old${n}`.padEnd(24, '0'),
      // Two accounts share each username.
      username: n % 2 === 0 ? `Old-${n}` : `old-${n - 1}`,
      email: `old-${n}@example.com`,
    }));
    await app.db.batchInsert('up_users', rows, 100);
    const output = app.output().length;
    await Promise.all([app.restart(), ...(database === 'postgres' ? [app.startAnother()] : [])]);
    const [{ count: unfilled }] = (await app
      .db('up_users')
      .whereNull('username_key')
      .count({ count: '*' })) as [{ count: unknown }];
    const [{ count: sharing }] = (await app
      .db('up_users')
      .whereNull('unique_username')
      .count({ count: '*' })) as [{ count: unknown }];
    expect([Number(unfilled), Number(sharing)]).toEqual([0, 850]);
    const logged = [
      ...app
        .output()
        .slice(output)
        .matchAll(/Ids of the users: ([\d, ]+)\./gu),
    ].flatMap(([, ids]) => ids?.split(', '));
    expect(logged).toHaveLength(850);
    expect(new Set(logged).size).toBe(850);
  } finally {
    await app.stop();
  }
}, 120_000);
