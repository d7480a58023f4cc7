import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createSqliteLock } from '../../../src/database/locks/sqlite-lock';
import { recordingLog } from '../../chat/support/fixtures';

let folder: string;
let filename: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-lock-'));
  filename = path.join(folder, 'data.db');
  writeFileSync(filename, '');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

function open() {
  const log = recordingLog();
  return { lock: createSqliteLock({ filename, log }), log };
}

/** Takes a lock in this process. */
async function taken() {
  const { lock } = open();
  await lock.take();
  return { lock, holder: lock.holder() ?? '' };
}

/** Starts a process that holds a lock like a process of the application. */
async function otherProcess(): Promise<{ readonly holder: string; kill(): Promise<void> }> {
  const holder = '00000000-0000-4000-8000-00000000000' + String(children.length);
  mkdirSync(`${filename}-processes`, { recursive: true });
  const script = `
    const Sqlite = require('better-sqlite3');
    const file = new Sqlite(process.argv[1]);
    file.pragma('journal_mode = memory');
    file.exec('begin exclusive');
    process.send('held');
    setInterval(() => file, 1_000);`;
  const child = fork('-e', [script, path.join(`${filename}-processes`, holder)], {
    execArgv: [],
    cwd: path.resolve(__dirname, '..', '..'),
  });
  children.push(child);
  await once(child, 'message');
  return {
    holder,
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

const files = () => readdirSync(`${filename}-processes`);
const soon = { isPatient: false };
const nobody = async () => [];

describe('createSqliteLock', () => {
  it('has a holder from take() until release()', async () => {
    const { lock } = open();
    expect(lock.holder()).toBeNull();
    await lock.take();
    expect(files()).toEqual([lock.holder()]);
    await lock.release();
    expect([lock.holder(), files()]).toEqual([null, []]);
  });

  it('reports its own and other living processes as living', async () => {
    const [one, other, process] = [await taken(), await taken(), await otherProcess()];
    const holders = [one.holder, other.holder, process.holder];
    expect([...(await one.lock.inspect(holders, soon)).values()]).toEqual(['living', 'living', 'living']);
    for (const { lock } of [one, other]) await lock.release();
  });

  it('reports a killed process as dead immediately, to every lock', async () => {
    const killed = await otherProcess();
    const [one, other] = [await taken(), await taken()];
    await killed.kill();
    for (const { lock } of [one, other]) {
      expect(await lock.inspect([killed.holder], soon)).toEqual(new Map([[killed.holder, 'dead']]));
    }
    for (const { lock } of [one, other]) await lock.release();
  });

  it.each(['5cf5b3f4-6d0b-4f4e-9a53-1c2e1f7a2b11', '../data.db', ''])(
    'reports a holder without a file as unknown: %p',
    async (holder) => {
      const { lock } = await taken();
      expect(await lock.inspect([holder], soon)).toEqual(new Map([[holder, 'unknown']]));
      await lock.release();
    },
  );

  it('removes the files of dead processes, unless a turn still names them', async () => {
    const processes = [await otherProcess(), await otherProcess(), await otherProcess()];
    const [dead, named, living] = processes.map(({ holder }) => holder);
    await processes[0]?.kill();
    await processes[1]?.kill();
    const { lock, holder } = await taken();
    await lock.tidy(async () => [named ?? '']);
    expect(files().sort()).toEqual([named, living, holder].sort());
    expect(files()).not.toContain(dead);
    await lock.tidy(nobody);
    expect(files().sort()).toEqual([living, holder].sort());
    await lock.release();
  });

  it('warns once if it cannot create its folder, and holds no lock', async () => {
    writeFileSync(`${filename}-processes`, 'no folder');
    const { lock, log } = open();
    await lock.take();
    expect(lock.holder()).toBeNull();
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn No lock can be held beside the database: .* If this process dies/u),
    ]);
    await lock.tidy(nobody);
    await lock.release();
  });

  it('is the same for every path to the database', async () => {
    const { holder, lock } = await taken();
    const link = path.join(folder, 'link.db');
    symlinkSync(filename, link);
    const other = createSqliteLock({ filename: link, log: recordingLog() });
    expect(await other.inspect([holder], soon)).toEqual(new Map([[holder, 'living']]));
    await lock.release();
  });
});
