import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { startApp, type App } from '../support/app';
import { createClient } from '../support/client';
import { good, logInAgain, refresh, refused, register, worthOf, type Login } from '../support/login';
import { runStrapi } from '../support/strapi-command';

let app: App;
let folder: string;
/** The file that `strapi export` wrote. It contains the accounts below, whose ids begin with 2. */
let file: string;
let ann: Login;
let bob: Login;
/** Bob's login after a refresh of its tokens. */
let renewed: Login;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chat-import-'));
  file = path.join(folder, 'exported');
  app = await startApp();
  const first = await register(app.url);
  [ann, bob] = [await register(app.url), await register(app.url)];
  renewed = { ...bob, ...(await refresh(app.url, bob.refreshToken)).body };
  const panelPath = `/content-manager/collection-types/plugin::users-permissions.user/${first.user.documentId}`;
  expect((await app.admin.client.request('DELETE', panelPath)).status).toBe(200);
  const { code, output } = await runStrapi(app, ['export', '--no-encrypt', '--no-compress', '--file', file]);
  expect(output).toContain('completed successfully');
  expect(code).toBe(0);
});
afterAll(async () => {
  await app.stop();
  await rm(folder, { recursive: true });
});

async function importInto(target: App): Promise<void> {
  const { code, output } = await runStrapi(target, ['import', '--force', '--file', `${file}.tar`]);
  expect(output).toContain('completed successfully');
  expect(code).toBe(0);
}

const numberOf = async ({ db }: App, { user }: Login): Promise<number> =>
  (await db('up_users').where({ document_id: user.documentId }).first('id')).id;

async function expectAllRefused(url: string): Promise<void> {
  for (const login of [ann, bob, renewed]) {
    const me = await createClient(url, login.jwt).get('/api/users/me');
    expect([me.status, me.body.id]).toEqual([401, undefined]);
    expect(await worthOf(url, login)).toEqual(refused);
  }
}

// Each Strapi command loads the whole application.
jest.setTimeout(180_000);

describe('a token from before an import', () => {
  it('is refused in another database, where its user id belongs to another account', async () => {
    const other = await startApp();
    try {
      await importInto(other);
      expect([await numberOf(other, ann), await numberOf(other, bob)]).toEqual([1, ann.user.id]);
      await expectAllRefused(other.url);
      expect(await worthOf(other.url, await logInAgain(other.url, bob))).toEqual(good);
    } finally {
      await other.stop();
    }
  });

  it('is refused in the same database, where the import keeps the sessions', async () => {
    const sessions = () => app.db('strapi_sessions').orderBy('id').pluck('session_id');
    const before = await sessions();
    // The import runs beside the server, whose login cache does not contain these logins.
    await importInto(app);
    expect(await sessions()).toEqual(before);
    expect(await numberOf(app, bob)).not.toBe(bob.user.id);
    await expectAllRefused(app.url);
    const again = await logInAgain(app.url, bob);
    await app.killAndRestart();
    await expectAllRefused(app.url);
    expect(await worthOf(app.url, again)).toEqual(good);
  });
});
