import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { historyProblems, type HistoryProblemCode } from '../../../src/history';
import { isFull } from '../../faults/support/scale';
import { startApp, type App } from '../../support/app';
import { createClient, type Client } from '../../support/client';
import { until } from '../../support/until';
import { createHistory, isThere, type TestHistory } from './support/servers';

/** A problem of the history, and how a test repairs it while the application runs. */
interface Trouble {
  readonly problem: HistoryProblemCode;
  readonly env: Readonly<Record<string, string>>;
  repair(): Promise<unknown>;
}

let folder: string;
let history: TestHistory | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chat-trouble-'));
  history = undefined;
});
afterEach(async () => {
  await history?.drop();
  await rm(folder, { recursive: true, force: true });
});

const troubles: Readonly<Record<string, () => Promise<Trouble>>> = {
  async 'a wrong password on PostgreSQL'() {
    const { db, dsn } = (history = await createHistory('postgres'));
    const role = `ann_${path.basename(folder).replaceAll(/\W/gu, '_').toLowerCase()}`;
    await db.raw(`create role ${role} login password 'another'`);
    await db.raw(`grant all on database ${new URL(dsn).pathname.slice(1)} to ${role}`);
    await db.raw(`grant all on schema public to ${role}`);
    const url = new URL(dsn);
    [url.username, url.password] = [role, 'top-secret'];
    return {
      problem: 'login-refused',
      env: { MES_SQL_DSN: url.href },
      repair: () => db.raw(`alter role ${role} password 'top-secret'`),
    };
  },
  async 'a wrong password on MariaDB'() {
    const { db, dsn } = (history = await createHistory('mariadb'));
    const name = /\/(\w+)\?charset/u.exec(dsn)?.[1] ?? '';
    await db.raw(`create user ${name}_ann@'%' identified by 'another'`);
    await db.raw(`grant all on ${name}.* to ${name}_ann@'%'`);
    return {
      problem: 'login-refused',
      env: { MES_SQL_DSN: dsn.replace(/^chat:.*@tcp/u, `${name}_ann:top-secret@tcp`) },
      repair: () => db.raw(`set password for ${name}_ann@'%' = password('top-secret')`),
    };
  },
  async 'a driver that is not installed'() {
    const { dsn } = (history = await createHistory('mariadb'));
    const [missing, hook] = [path.join(folder, 'missing'), path.join(folder, 'hook.cjs')];
    await writeFile(missing, '');
    await writeFile(
      hook,
      `const Module = require('node:module');
       const { existsSync } = require('node:fs');
       const resolve = Module._resolveFilename;
       Module._resolveFilename = function (request, ...rest) {
         if (!/^mysql2(\\/|$)/u.test(request) || !existsSync(${JSON.stringify(missing)}))
           return resolve.call(this, request, ...rest);
         throw Object.assign(new Error("Cannot find module 'mysql2'"), { code: 'MODULE_NOT_FOUND' });
       };`,
    );
    return {
      problem: 'driver-missing',
      env: { MES_SQL_DSN: dsn, NODE_OPTIONS: `--require ${hook}` },
      repair: () => rm(missing),
    };
  },
  async 'a file that cannot be written'() {
    const inTheWay = path.join(folder, 'history.db');
    await mkdir(inTheWay);
    return {
      problem: 'not-writable',
      env: { MES_SQL_DSN: inTheWay },
      repair: () => rm(inTheWay, { recursive: true }),
    };
  },
};

/** Asks one question, and asserts that it succeeds while the history is unavailable. */
async function chatWithout(app: App): Promise<Client> {
  const user = await app.createUser();
  const { documentId } = await app.admin.createCharacter();
  expect((await user.ask({ character_id: documentId, query: 'Hi' })).status).toBe(200);
  const { status, body } = await user.get('/api/v1/conversations');
  expect([status, body.error.details.code]).toEqual([503, 'history-unavailable']);
  return user;
}

const hasOne = (user: Client) => async () =>
  (await user.get('/api/v1/conversations')).body.conversations?.[0]?.records === 1;

const onMariadb = /MariaDB|driver/u;
/** The application does the same after each problem. The tests of the stores have all of them. */
const names = isFull
  ? Object.keys(troubles).filter((name) => isThere('mariadb') || !onMariadb.test(name))
  : ['a wrong password on PostgreSQL'];

describe('application with an unusable history', () => {
  it.each(names)(
    'starts, logs the problem, chats, and saves the record after the repair: %s',
    async (name) => {
      const { problem, env, repair } = (await troubles[name]?.()) ?? {};
      const app = await startApp({ env: env ?? {} });
      try {
        const user = await chatWithout(app);
        const sentence = historyProblems[problem ?? 'other'].slice(0, -1);
        await until(() => app.output().includes(sentence));
        await repair?.();
        await until(hasOne(user));
        expect(app.output()).not.toContain('top-secret');
        expect(app.output().split('The history cannot be written')).toHaveLength(2);
      } finally {
        await app.stop();
      }
    },
    120_000,
  );

  it('starts and chats with wrong settings, and saves the record after a restart with correct ones', async () => {
    const app = await startApp({ env: { MES_SQL_DSN: 'root:top-secret@tpc(localhost)/x' } });
    try {
      const user = await chatWithout(app);
      expect(app.output()).toContain('The settings of the history are not right. MES_SQL_DSN must be ');
      await app.signal('SIGTERM');
      const filename = path.join(folder, 'history.db');
      const url = await app.startAnother({ MES_SQL_DSN: filename });
      await until(hasOne(createClient(url, user.token ?? '', user.user)));
      expect(existsSync(filename)).toBe(true);
      expect(app.output()).not.toContain('top-secret');
    } finally {
      await app.stop();
    }
  }, 120_000);
});
