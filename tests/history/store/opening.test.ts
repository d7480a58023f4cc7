import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { HistoryProblem, historyProblems, parseHistoryStoreSettings } from '../../../src/history';
import { connect } from '../../../src/history/store/connect';
import { openHistoryStore } from '../../../src/history/store/open';
import { freePort } from '../../support/free-port';
import { record } from './support/records';
import { createHistory } from './support/servers';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chat-opening-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const openOn = (dsn: string) =>
  openHistoryStore(
    parseHistoryStoreSettings({
      MES_SQL_DSN: dsn,
      folder,
      mainDatabase: { client: 'sqlite', connection: { filename: path.join(folder, 'data.db') } },
    }),
  );

async function problemOf(store: ReturnType<typeof openOn>): Promise<HistoryProblem> {
  const error: unknown = await store.save([record()]).catch((thrown: unknown) => thrown);
  await store.close();
  if (!(error instanceof HistoryProblem)) throw new Error('There was no problem.');
  return error;
}

describe('a store that cannot be opened', () => {
  it('says so with every use, where its settings are wrong', async () => {
    const store = openOn('root:secret@tpc(localhost)/x');

    await expect(store.countConversations('everybody')).rejects.toMatchObject({ code: 'bad-settings' });
    expect((await problemOf(store)).message).toMatch(/MES_SQL_DSN must be (?!.*secret)/u);
  });

  it('says that nobody answers there', async () => {
    const port = await freePort();

    expect(await problemOf(openOn(`postgres://user:secret@127.0.0.1:${port}/name`))).toMatchObject({
      code: 'unreachable',
      message: historyProblems.unreachable,
    });
    expect(await problemOf(openOn(`user:secret@tcp(127.0.0.1:${port})/name`))).toMatchObject({
      code: 'unreachable',
    });
  });

  it('says that the password is wrong, or that there is no such database', async () => {
    const server = process.env['TEST_POSTGRES_URL'] ?? '';
    const maria = process.env['TEST_MARIADB_PORT'];

    expect(await problemOf(openOn(`${server.replace(':postgres@', ':wrong@')}/postgres`))).toMatchObject({
      code: 'login-refused',
    });
    expect(await problemOf(openOn(`${server}/nowhere`))).toMatchObject({ code: 'no-such-database' });
    if (maria === undefined) return;
    expect(await problemOf(openOn(`chat:wrong@tcp(127.0.0.1:${maria})/mysql`))).toMatchObject({
      code: 'login-refused',
    });
    const password = process.env['TEST_MARIADB_PASSWORD'] ?? '';
    expect(await problemOf(openOn(`chat:${password}@tcp(127.0.0.1:${maria})/nowhere`))).toMatchObject({
      code: 'no-such-database',
    });
  });

  it('says that the file is none that it can write to', async () => {
    await mkdir(path.join(folder, 'folder.db'));
    await writeFile(path.join(folder, 'file'), '');

    expect(await problemOf(openOn('folder.db'))).toMatchObject({ code: 'not-writable' });
    expect(await problemOf(openOn('file/history.db'))).toMatchObject({ code: 'not-writable' });
  });

  const asUser = process.getuid?.() === 0 ? it.skip : it;
  asUser('says so of a file that is read only', async () => {
    await writeFile(path.join(folder, 'history.db'), '');
    await chmod(path.join(folder, 'history.db'), 0o400);

    expect(await problemOf(openOn('history.db'))).toMatchObject({ code: 'not-writable' });
  });

  it('is opened by a later use, once what was wrong is mended', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const store = openOn('file/history.db');
    await expect(store.save([record()])).rejects.toMatchObject({ code: 'not-writable' });
    await rm(path.join(folder, 'file'));
    // Told again without another attempt.
    await expect(store.save([record()])).rejects.toMatchObject({ code: 'not-writable' });
    await pause(1_000);
    await store.save([record()]);

    expect(await store.countConversations('everybody')).toBe(1);
    await store.close();
    await expect(store.save([record()])).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('a store that was never used', () => {
  it('closes', async () => {
    await openOn('history.db').close();
  });
});

const onMariadb = process.env['TEST_MARIADB_PORT'] === undefined ? describe.skip : describe;
onMariadb('a database whose name is as long as can be', () => {
  // MySQL counts the characters of what is named after it, MariaDB the bytes: three for each of these.
  it('opens, in one table and divided by days', async () => {
    const history = await createHistory('mariadb', 'ạ'.repeat(64));
    for (const isDaily of [false, true]) {
      const store = openHistoryStore(history.settings(isDaily));
      await store.save([record()]);
      expect(await store.countConversations('everybody')).toBe(1);
      await store.close();
    }
    await history.drop();
  });
});

describe('without its driver', () => {
  afterEach(() => {
    jest.resetModules();
    jest.dontMock('mysql2');
  });

  it('a store on MySQL says that it must be installed', async () => {
    jest.doMock('mysql2', () => {
      throw Object.assign(new Error("Cannot find module 'mysql2'"), { code: 'MODULE_NOT_FOUND' });
    });
    const error: unknown = await openOn('user:secret@tcp(127.0.0.1:1)/name')
      .save([record()])
      .catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'driver-missing', message: historyProblems['driver-missing'] });
  });
});

describe('connections', () => {
  it.each([
    'postgres',
    ...(process.env['TEST_MARIADB_PORT'] === undefined ? [] : ['mariadb' as const]),
  ] as const)('to %s are replaced when they have been open for long enough', async (server) => {
    const history = await createHistory(server);
    const settings = history.settings(false);
    const database = connect({ ...settings, pool: { maxIdle: 1, maxOpen: 1, maxLifetimeMs: 300 } });
    const id = async () => {
      const sql = server === 'postgres' ? 'select pg_backend_pid() as id' : 'select connection_id() as id';
      return Number((await database.all(sql))[0]?.['id']);
    };
    const first = await id();
    expect(await id()).toBe(first);
    await pause(350);
    expect(await id()).not.toBe(first);
    await database.close();
    await history.drop();
  });
});
