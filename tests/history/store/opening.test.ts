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

function openOn(dsn: string, { mustExist = false } = {}) {
  const settings = parseHistoryStoreSettings({
    MES_SQL_DSN: dsn,
    folder,
    mainDatabase: { client: 'sqlite', connection: { filename: path.join(folder, 'data.db') } },
  });
  return openHistoryStore(settings instanceof HistoryProblem ? settings : { ...settings, mustExist });
}

async function problemOf(store: ReturnType<typeof openOn>): Promise<HistoryProblem> {
  const error: unknown = await store.save([record()]).catch((thrown: unknown) => thrown);
  await store.close();
  if (!(error instanceof HistoryProblem)) throw new Error('There was no problem.');
  return error;
}

describe('history store that cannot be opened', () => {
  it('reports wrong settings with every call', async () => {
    const store = openOn('root:secret@tpc(localhost)/x');

    await expect(store.countConversations('everybody')).rejects.toMatchObject({ code: 'bad-settings' });
    expect((await problemOf(store)).message).toMatch(/MES_SQL_DSN must be (?!.*secret)/u);
  });

  it('reports an unreachable server', async () => {
    const port = await freePort();

    expect(await problemOf(openOn(`postgres://user:secret@127.0.0.1:${port}/name`))).toMatchObject({
      code: 'unreachable',
      message: historyProblems.unreachable,
    });
    expect(await problemOf(openOn(`user:secret@tcp(127.0.0.1:${port})/name`))).toMatchObject({
      code: 'unreachable',
    });
  });

  it('reports a wrong password and a missing database', async () => {
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

  it.each(['sqlite', 'postgres', 'mariadb'] as const)(
    'reports a database of %s without a history where it must not create one',
    async (server) => {
      const history = await createHistory(server);
      const store = (mustExist: boolean) => openOn(history.dsn, { mustExist });
      expect(await problemOf(store(true))).toMatchObject({ code: 'no-history' });
      const made = store(false);
      await made.save([record()]);
      await made.close();
      const found = store(true);
      expect(await found.countConversations('everybody')).toBe(1);
      await found.close();
      await history.drop();
    },
  );

  it('reports an unreachable server where it must not create a history', async () => {
    const dsn = `postgres://user:secret@127.0.0.1:${await freePort()}/name`;
    expect(await problemOf(openOn(dsn, { mustExist: true }))).toMatchObject({ code: 'unreachable' });
  });

  it('reports a file that it cannot write', async () => {
    await mkdir(path.join(folder, 'folder.db'));
    await writeFile(path.join(folder, 'file'), '');

    expect(await problemOf(openOn('folder.db'))).toMatchObject({ code: 'not-writable' });
    expect(await problemOf(openOn('file/history.db'))).toMatchObject({ code: 'not-writable' });
  });

  const asUser = process.getuid?.() === 0 ? it.skip : it;
  asUser('reports a read-only file', async () => {
    await writeFile(path.join(folder, 'history.db'), '');
    await chmod(path.join(folder, 'history.db'), 0o400);

    expect(await problemOf(openOn('history.db'))).toMatchObject({ code: 'not-writable' });
  });

  it('opens with a later call after the problem is solved', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const store = openOn('file/history.db');
    await expect(store.save([record()])).rejects.toMatchObject({ code: 'not-writable' });
    await rm(path.join(folder, 'file'));
    // The store reports the same problem without another attempt.
    await expect(store.save([record()])).rejects.toMatchObject({ code: 'not-writable' });
    await pause(1_000);
    await store.save([record()]);

    expect(await store.countConversations('everybody')).toBe(1);
    await store.close();
    await expect(store.save([record()])).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('history store that was never used', () => {
  it('closes', async () => {
    await openOn('history.db').close();
  });
});

const onMariadb = process.env['TEST_MARIADB_PORT'] === undefined ? describe.skip : describe;
onMariadb('MariaDB database with a name of the maximal length', () => {
  // MySQL limits names derived from it in characters, MariaDB in bytes: each of these characters has three.
  it('opens in one table and with daily partitions', async () => {
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

describe('without the MySQL driver', () => {
  afterEach(() => {
    jest.resetModules();
    jest.dontMock('mysql2');
  });

  it('a history store reports that the driver must be installed', async () => {
    jest.doMock('mysql2', () => {
      throw Object.assign(new Error("Cannot find module 'mysql2'"), { code: 'MODULE_NOT_FOUND' });
    });
    const error: unknown = await openOn('user:secret@tcp(127.0.0.1:1)/name')
      .save([record()])
      .catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'driver-missing', message: historyProblems['driver-missing'] });
  });
});

describe('history database connections', () => {
  it.each([
    'postgres',
    ...(process.env['TEST_MARIADB_PORT'] === undefined ? [] : ['mariadb' as const]),
  ] as const)('to %s are replaced after their maximal lifetime', async (server) => {
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
