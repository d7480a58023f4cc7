import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { nameFor, removeAbandoned } from '../../../src/strapi/startup/temporary-folder';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'temporary-folder-test-'));
});
afterEach(() => rm(parent, { recursive: true }));

async function make(name: string, ageHours = 0): Promise<string> {
  const folder = path.join(parent, name);
  await mkdir(folder);
  await writeFile(path.join(folder, 'file'), 'x');
  const time = new Date(Date.now() - ageHours * 3_600_000);
  await utimes(folder, time, time);
  return name;
}

/** Returns the id of a process that has exited. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? 0;
}

describe('removeAbandoned', () => {
  it('removes the folders of a dead process and of an earlier process with this id', async () => {
    const own = await make(nameFor(process.pid));
    await make(nameFor(await deadPid()));
    await make(nameFor(process.pid).replace(/\d+$/u, '1'));
    await removeAbandoned(parent, path.join(parent, own));
    expect(await readdir(parent)).toEqual([own]);
  });

  it('keeps the folder of a living process', async () => {
    const living = await make(nameFor(process.ppid));
    await removeAbandoned(parent, path.join(parent, nameFor(process.pid)));
    expect(await readdir(parent)).toEqual([living]);
  });

  it('keeps the folder of another host until it is unchanged for a day', async () => {
    const recent = await make(nameFor(1, 'other-host'), 23);
    await make(nameFor(2, 'other-host'), 25);
    await removeAbandoned(parent, path.join(parent, nameFor(process.pid)));
    expect(await readdir(parent)).toEqual([recent]);
  });

  it('keeps the folders of other applications', async () => {
    await make('character-chat-other', 100);
    await make('strapi-upload-x', 100);
    await removeAbandoned(parent, path.join(parent, nameFor(process.pid)));
    expect(await readdir(parent)).toHaveLength(2);
  });
});
