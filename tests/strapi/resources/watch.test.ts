import { readdirSync } from 'node:fs';

import { startResourceWatch } from '../../../src/strapi/resources/watch';
import {
  checkDescriptors,
  createDiskCheck,
  createWriteCheck,
  type Check,
} from '../../../src/strapi/resources/checks';
import { until } from '../../support/until';

function collectLog() {
  const lines: string[] = [];
  const add = (message: string) => void lines.push(message);
  return { lines, log: { info: add, warn: add, error: add } };
}

/** Starts a watch. `rounds` counts its rounds. */
function start(check: Check) {
  const { lines, log } = collectLog();
  let rounds = 0;
  const counted: Check = () => {
    rounds += 1;
    return check();
  };
  const watch = startResourceWatch({ checks: [counted], log, everyMs: 1 });
  const pass = async (count: number) => {
    const target = rounds + count;
    await until(() => rounds >= target);
  };
  return { watch, lines, pass };
}

describe('the resource watch', () => {
  it('logs a full disk once, and once that it has space again', async () => {
    let minFreeBytes = Infinity;
    const { watch, lines, pass } = start(() => createDiskCheck(__filename, minFreeBytes)());
    await pass(5);
    expect(watch.problem()).toBe('disk-full');
    minFreeBytes = 0;
    await pass(5);
    expect(watch.problem()).toBeNull();
    await watch.stop();
    expect(lines).toEqual([
      'The server is not ready (disk-full): the disk of the database is full. Free some space.',
      'The server is ready again: disk-full is over.',
    ]);
  });

  it('warns once of a check that fails, and stays ready', async () => {
    const { watch, lines, pass } = start(() => {
      throw Object.assign(new Error('stat /data/chat.db'), { code: 'EIO' });
    });
    await pass(5);
    expect(watch.problem()).toBeNull();
    await watch.stop();
    expect(lines).toEqual(['A resource of the server could not be checked: Error EIO']);
  });
});

describe('the check of writes', () => {
  const failure = (code: string) => Object.assign(new Error('insert into …'), { code });

  it('finds a full disk from the first error that says so until a row is saved, whatever else fails', async () => {
    const results: (Error | null)[] = [
      failure('SQLITE_FULL'),
      failure('SQLITE_BUSY'),
      new Error('away'),
      null,
    ];
    let writes = 0;
    const { failed, check } = createWriteCheck(async () => {
      writes += 1;
      const result = results.shift();
      if (result instanceof Error) throw result;
    });
    failed(failure('SQLITE_BUSY'));
    expect(await check()).toBeNull();
    expect(writes).toBe(0);
    failed(failure('SQLITE_FULL'));
    const found = [await check(), await check(), await check(), await check(), await check()];
    expect(found).toEqual(['disk-full', 'disk-full', 'disk-full', null, null]);
    expect(writes).toBe(4);
  });
});

it('the check of descriptors finds none missing, and closes what it opens', async () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  expect(await checkDescriptors()).toBeNull();
  expect(open()).toBe(before);
});
