import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import { env as strapiEnv } from '@strapi/utils';
import knex from 'knex';

import readDatabase from '../../config/database';
import { archive } from '../../scripts/history/archive';
import { fromLine, toLine } from '../../scripts/history/line';
import { withAbsoluteFiles } from '../../scripts/history/open';
import { parseCommand } from '../../scripts/history/options';
import { restore } from '../../scripts/history/restore';
import type { UserOfToday } from '../../scripts/history/main-users';
import { run } from '../../scripts/history/run';
import { HistoryCommandError, toSize, toTable, type Screen } from '../../scripts/history/screen';
import type { HistoryRecord } from '../../src/history/model/record';
import { openHistoryStore } from '../../src/history/store/open';
import { thrown } from '../chat/support/collect';
import { failedRecord, historyRecord } from '../history/support/history-records';
import { createHistoryStoreInMemory } from '../history/support/history-store-in-memory';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-history-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const never = new AbortController().signal;
/** The main database has no users. */
const findUsers = async (): Promise<ReadonlyMap<number, UserOfToday>> => new Map();
const quiet: Screen = { say() {}, progress() {}, clear() {} };

function recordingScreen(): Screen & { readonly lines: string[] } {
  const lines: string[] = [];
  return { ...quiet, lines, say: (line) => void lines.push(line) };
}

/** Two old days with records, one of them with an error, and one record of a newer day. */
const records: readonly HistoryRecord[] = [
  historyRecord({ recordId: 'a', createdAt: new Date('2025-01-15T00:00:00.000Z') }),
  historyRecord({ recordId: 'b', createdAt: new Date('2025-01-15T23:59:59.999Z') }),
  failedRecord({ recordId: 'c', createdAt: new Date('2025-01-15T12:00:00Z') }),
  historyRecord({ recordId: 'd', createdAt: new Date('2025-01-16T00:00:00.000Z') }),
  historyRecord({ recordId: 'e', createdAt: new Date('2025-02-01T00:00:00.000Z') }),
];

const idsIn = (file: string) =>
  gunzipSync(readFileSync(path.join(folder, file)))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => fromLine(line).recordId);

const idsOf = (all: readonly HistoryRecord[]) => all.map(({ recordId }) => recordId).sort();

function archiveAll(store: Parameters<typeof archive>[0]['store'], screen = quiet, signal = never) {
  return archive({ store, folder, beforeDay: '2025-02-01', screen, signal });
}

const january15 = 'conversation_histories_2025_01_15.jsonl.gz';
const errors15 = 'error_conversation_histories_2025_01_15.jsonl.gz';
const january16 = 'conversation_histories_2025_01_16.jsonl.gz';

async function failure(work: () => unknown): Promise<HistoryCommandError> {
  const error = await thrown(work);
  if (!(error instanceof HistoryCommandError)) throw error;
  return error;
}

describe('archive', () => {
  it('writes one file per table and day with mode 600, and removes only archived records', async () => {
    const store = createHistoryStoreInMemory(records);
    const screen = recordingScreen();
    expect(await archiveAll(store, screen)).toBe(4);
    expect(readdirSync(folder).sort()).toEqual([january15, january16, errors15]);
    expect([idsIn(january15), idsIn(errors15), idsIn(january16)]).toEqual([['a', 'b'], ['c'], ['d']]);
    expect(idsOf(store.records)).toEqual(['e']);
    expect(statSync(path.join(folder, january15)).mode & 0o777).toBe(0o600);
    expect(screen.lines[0]).toMatch(/2 records, sha256 of its text [0-9a-f]{64}$/u);
  });

  it('can be restored without change, and only once', async () => {
    const store = createHistoryStoreInMemory(records);
    await archiveAll(store);
    const screen = recordingScreen();
    for (const file of [january15, errors15, january16, january15]) {
      await restore({ store, file: path.join(folder, file), dryRun: false, screen, signal: never });
    }
    const sorted = (all: readonly HistoryRecord[]) =>
      [...all].sort((one, other) => (one.recordId < other.recordId ? -1 : 1));
    expect(sorted(store.records)).toEqual(sorted(records));
    expect(screen.lines.at(-1)).toContain('restored 0 of 2 records; 2 already existed');
  });

  it('is completed by the next run after an abort before the removal', async () => {
    const store = createHistoryStoreInMemory(records);
    const dying = { ...store, remove: () => Promise.reject(new Error('killed')) };
    await thrown(() => archiveAll(dying));
    expect(idsIn(january15)).toEqual(['a', 'b']);
    const before = readFileSync(path.join(folder, january15));
    const screen = recordingScreen();
    await archiveAll(store, screen);
    expect(readFileSync(path.join(folder, january15))).toEqual(before);
    expect(screen.lines[0]).toContain('has all 2 records already');
    expect(idsOf(store.records)).toEqual(['e']);
  });

  it('keeps the records of an existing file, and adds later ones', async () => {
    await archiveAll(createHistoryStoreInMemory(records.slice(0, 1)));
    // The first record was already removed. The second one arrived later.
    await archiveAll(createHistoryStoreInMemory(records.slice(1, 2)));
    expect(idsIn(january15)).toEqual(['a', 'b']);
  });

  it('removes no record that it could not write', async () => {
    const store = createHistoryStoreInMemory(records);
    let pages = 0;
    const failing: typeof store = {
      ...store,
      readBefore: (...page) => {
        pages += 1;
        return pages > 2 ? Promise.reject(new Error('away')) : store.readBefore(...page);
      },
    };
    await thrown(() => archiveAll(failing));
    expect(store.records).toHaveLength(5);
    expect(readdirSync(folder).filter((file) => file.endsWith('.part'))).toEqual([]);
  });

  it('does not replace a file that it cannot read', async () => {
    const store = createHistoryStoreInMemory(records);
    const whole = gzipSync(toLine(historyRecord()).repeat(50));
    for (const damaged of [whole.subarray(0, whole.length - 20), gzipSync('something else\n'), 'no gzip']) {
      writeFileSync(path.join(folder, january15), damaged);
      expect((await failure(() => archiveAll(store))).message).toContain(january15);
      expect(readFileSync(path.join(folder, january15))).toEqual(Buffer.from(damaged));
      expect(store.records).toHaveLength(5);
    }
  });

  it('also archives a record that is saved to the day before its removal', async () => {
    const store = createHistoryStoreInMemory(records);
    const late = historyRecord({ recordId: 'late', createdAt: new Date('2025-01-15T06:00:00Z') });
    let rounds = 0;
    const other: typeof store = {
      ...store,
      async remove(positions) {
        rounds += 1;
        if (rounds === 1) await store.save([late]);
        return store.remove(positions);
      },
    };
    expect(await archiveAll(other)).toBe(5);
    expect(idsIn(january15)).toEqual(['a', 'b', 'late']);
    expect(idsOf(store.records)).toEqual(['e']);
  });

  it('gives up a day that keeps receiving records', async () => {
    const store = createHistoryStoreInMemory(records);
    let count = 0;
    const other: typeof store = {
      ...store,
      async remove(positions) {
        count += 1;
        const removed = await store.remove(positions);
        await store.save([
          historyRecord({ recordId: `late-${count}`, createdAt: new Date('2025-01-15T06:00:00Z') }),
        ]);
        return removed;
      },
    };
    expect((await failure(() => archiveAll(other))).message).toContain('Run it again later');
    expect(new Set([...idsIn(january15), ...idsIn(errors15), ...idsOf(store.records)]).size).toBe(
      records.length + count,
    );
  });

  it('stops between two pages after an abort', async () => {
    const store = createHistoryStoreInMemory(records);
    const error = await failure(() => archiveAll(store, quiet, AbortSignal.abort()));
    expect([error.exitCode, store.records.length, readdirSync(folder)]).toEqual([130, 5, []]);
  });
});

describe('restore', () => {
  const good = toLine(historyRecord());
  const restoreText = async (text: string, dryRun = false) => {
    const store = createHistoryStoreInMemory();
    const file = path.join(folder, 'some.jsonl');
    writeFileSync(file, text);
    const error = await thrown(() => restore({ store, file, dryRun, screen: quiet, signal: never })).catch(
      () => undefined,
    );
    return { store, message: error instanceof Error ? error.message : '' };
  };

  it.each([
    ['that is not JSON', '{"record_id":'],
    ['without a column', JSON.stringify({ ...JSON.parse(good), model: undefined })],
    ['without a user', JSON.stringify({ ...JSON.parse(good), user_document_id: undefined })],
    ['with an unknown column', JSON.stringify({ ...JSON.parse(good), password: 'x' })],
    ['with a part of an error', JSON.stringify({ ...JSON.parse(good), error_code: '500' })],
    ['with a wrong time', JSON.stringify({ ...JSON.parse(good), created_at: 'yesterday' })],
    ['that is empty', ''],
  ])('reports a line %s, and restores nothing of the file', async (_name, bad) => {
    const { store, message } = await restoreText(`${good.repeat(300)}${bad}\n${good}`);
    expect(message).toContain('some.jsonl, line 301:');
    expect(message).toContain('Nothing of this file was restored.');
    expect(store.records).toEqual([]);
  });

  it('accepts a file without a final line break', async () => {
    expect((await restoreText(good.trimEnd())).store.records).toEqual([historyRecord()]);
  });

  it('restores nothing in a dry run', async () => {
    expect((await restoreText(good, true)).store.records).toEqual([]);
  });

  it('reports a missing file', async () => {
    const file = path.join(folder, 'none.jsonl.gz');
    const store = createHistoryStoreInMemory();
    const error = await failure(() => restore({ store, file, dryRun: true, screen: quiet, signal: never }));
    expect(error.message).toBe(`${file} cannot be read to its end (ENOENT).`);
  });
});

describe('dry run', () => {
  it.each(['prune', 'archive'] as const)('of %s lists the records, and changes nothing', async (name) => {
    const store = createHistoryStoreInMemory(records);
    const screen = recordingScreen();
    const to = path.join(folder, 'new');
    await run({ name, days: 30, dryRun: true, folder: to }, { store, screen, signal: never, findUsers });
    expect(screen.lines.slice(0, 2)).toEqual([
      '2025-01-15: 3 records, 1 error among them',
      '2025-01-16: 1 record, 0 errors among them',
    ]);
    expect(screen.lines.at(-1)).toMatch(/^5 records from before .* Nothing was changed\.$/u);
    expect([store.records.length, readdirSync(folder)]).toEqual([5, []]);
  });
});

describe('records with a number instead of a user', () => {
  const numbered = (recordId: string, formerUserId: number) =>
    historyRecord({ recordId, conversationId: recordId, userDocumentId: null, formerUserId });
  const createdAt = new Date('2025-01-01T00:00:00Z');

  /** Creates a store in which the application has already looked for the users of all records. */
  async function storeOf(...all: readonly HistoryRecord[]) {
    const store = createHistoryStoreInMemory(all);
    await store.match(
      all.map((one) => ({
        position: { id: one.recordId, timeMs: one.createdAt.getTime() },
        userDocumentId: null,
      })),
    );
    return store;
  }
  const runOn = async (store: Awaited<ReturnType<typeof storeOf>>, line: string, today = findUsers) => {
    const screen = recordingScreen();
    const command = parseCommand(line.split(' '));
    if (command === null) throw new Error('This is a command.');
    await run(command, { store, screen, signal: never, findUsers: today });
    return screen.lines;
  };
  const ownersIn = (store: { readonly records: readonly HistoryRecord[] }) =>
    store.records.map(({ recordId, userDocumentId }) => [recordId, userDocumentId]);

  it('are listed by number, and assigned to a user by number', async () => {
    const store = await storeOf(numbered('a', 7), numbered('b', 8));
    expect(await runOn(store, 'unassigned')).toEqual([
      expect.stringMatching(/^number +records +from +to$/u),
      expect.stringMatching(/^7 +1 +2026-01-02T03:04:05\.678Z /u),
      expect.stringMatching(/^8 +1 /u),
    ]);
    expect(await runOn(store, 'assign --number 7 --to doc7')).toEqual(['Gave 1 record of number 7 to doc7.']);
    expect(ownersIn(store)).toEqual([
      ['a', 'doc7'],
      ['b', null],
    ]);
    await runOn(store, 'assign --number 8 --to doc8');
    expect(await runOn(store, 'unassigned')).toEqual(['Every record that was looked at has a user.']);
  });

  it('are assigned by id only to users who existed at that time', async () => {
    const store = await storeOf(numbered('a', 7), numbered('b', 8), numbered('c', 9));
    const today = async () =>
      new Map([
        [7, { documentId: 'doc7', createdAt }],
        [8, { documentId: 'doc8', createdAt: new Date('2026-01-03') }],
      ]);
    expect(await runOn(store, 'assign --by-id', today)).toEqual([
      'Gave 1 record of number 7 to doc7.',
      'No user with the id 8 existed at the time of the first record.',
      'No user with the id 9 existed at the time of the first record.',
    ]);
    expect(ownersIn(store).map(([, owner]) => owner)).toEqual(['doc7', null, null]);
  });
});

describe('parseCommand', () => {
  it.each<[string, unknown]>([
    ['size', { name: 'size' }],
    ['partitions', { name: 'partitions' }],
    ['prune --older-than 30d', { name: 'prune', days: 30, dryRun: false }],
    ['prune --older-than=1d --dry-run', { name: 'prune', days: 1, dryRun: true }],
    ['archive --older-than 7d --to out', { name: 'archive', days: 7, folder: 'out', dryRun: false }],
    ['restore a.jsonl.gz', { name: 'restore', file: 'a.jsonl.gz', dryRun: false }],
    ['unassigned', { name: 'unassigned' }],
    ['assign --number 7 --to doc1', { name: 'assign', formerUserId: 7, userDocumentId: 'doc1' }],
    ['assign --by-id', { name: 'assign-by-id' }],
    ['--help', null],
    ['archive --help', null],
  ])('parses "%s"', (line, command) => {
    expect(parseCommand(line.split(' '))).toEqual(command);
  });

  it.each([
    '',
    'delete',
    'size --dry-run',
    'size all',
    'prune',
    'prune --older-than 0d',
    'prune --older-than 30',
    'prune --older-than -1d',
    'prune --older-than 30d --to out',
    'archive --older-than 30d',
    'restore',
    'restore a b',
    'size --unknown',
    'assign',
    'assign --number 7',
    'assign --number seven --to doc1',
    'assign --number 7 --to 8',
    'assign --by-id --number 7',
    'unassigned 7',
  ])('rejects "%s" with exit code 2 and the usage', async (line) => {
    const error = await failure(() => parseCommand(line.split(' ').filter(Boolean)));
    expect([error.exitCode, error.message]).toEqual([2, expect.stringContaining('Usage: npm run history')]);
  });
});

describe('screen of npm run history', () => {
  it('formats columns and sizes', () => {
    expect(toTable(['day', 'rows'], [['2025-01-15', 7]])).toEqual(['day         rows', '2025-01-15     7']);
    expect([0, 999, 1_000, 16_384, 2_500_000].map(toSize)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '16.4 kB',
      '2.5 MB',
    ]);
  });
});

describe('npm run history', () => {
  const root = path.resolve(__dirname, '..', '..');

  it.each([
    ['nothing', {}, '.tmp/data.db'],
    ['a file name', { DATABASE_FILENAME: 'data/chat.db' }, 'data/chat.db'],
    ['an empty file name', { DATABASE_FILENAME: ' ' }, '.tmp/data.db'],
    ['a file as SQL_DSN', { SQL_DSN: ' ./data/chat.db?mode=rwc ' }, 'data/chat.db'],
    ['a file URL', { SQL_DSN: 'file:data/chat' }, 'data/chat'],
    ['an absolute SQLite URL', { SQL_DSN: 'sqlite:///srv/chat.db' }, '/srv/chat.db'],
  ])(
    'resolves the main database from the project root when the settings name %s',
    (_what, variables, file) => {
      const before = { ...process.env };
      for (const name of Object.keys(process.env))
        if (/^(DATABASE|SQL)_/u.test(name)) delete process.env[name];
      Object.assign(process.env, withAbsoluteFiles(variables, root));
      try {
        const { connection } = readDatabase({ env: strapiEnv } as never);
        expect(connection).toMatchObject({ connection: { filename: path.resolve(root, file) } });
      } finally {
        process.env = before;
      }
    },
  );

  it('keeps the address of a server and an invalid address unchanged', () => {
    for (const dsn of ['postgres://user:password@host:5432/name', 'oracle://host', '']) {
      expect(withAbsoluteFiles({ SQL_DSN: dsn }, root)['SQL_DSN']).toBe(dsn);
    }
  });

  function cli(args: readonly string[], env: Readonly<Record<string, string>>) {
    return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const command = ['--import', 'tsx', 'scripts/history.ts', ...args];
      const options = { cwd: root, env: { PATH: process.env['PATH'], ENV_PATH: '/dev/null', ...env } };
      const child = execFile(process.execPath, command, options, (_error, stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      );
    });
  }

  it('restores, counts, archives and removes records of the database in the environment', async () => {
    const env = { MES_SQL_DSN: path.join(folder, 'history.db') };
    const file = path.join(folder, 'some.jsonl');
    writeFileSync(file, records.slice(0, 4).map(toLine).join(''));
    expect(await cli(['restore', file], env)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('restored 4 of 4 records'),
    });
    expect((await cli(['size'], env)).stdout).toMatch(/^conversation_histories +3 /mu);
    const archived = await cli(['archive', '--older-than', '30d', '--to', folder], env);
    expect(archived).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Archived and removed 4 records'),
    });
    expect(idsIn(january15)).toEqual(['a', 'b']);
    expect((await cli(['size'], env)).stdout).toMatch(/^conversation_histories +0 /mu);
  });

  it('reports settings that name no history, and creates no file', async () => {
    const nothing = path.join(folder, 'nothing', 'history.db');
    const other = path.join(folder, 'other.db');
    writeFileSync(other, '');
    for (const file of [nothing, other]) {
      for (const args of [['size'], ['unassigned'], ['prune', '--older-than', '30d']]) {
        expect(await cli(args, { MES_SQL_DSN: file })).toEqual({
          code: 1,
          stdout: '',
          stderr: expect.stringMatching(/The settings name a database without a history\. .+\n$/u),
        });
      }
    }
    expect(existsSync(path.dirname(nothing))).toBe(false);
  });

  it('finds users in the main database', async () => {
    const env = {
      MES_SQL_DSN: path.join(folder, 'history.db'),
      DATABASE_FILENAME: path.join(folder, 'main.db'),
    };
    const db = knex({
      client: 'better-sqlite3',
      connection: { filename: env.DATABASE_FILENAME },
      useNullAsDefault: true,
    });
    await db.schema.createTable('up_users', (table) => {
      table.increments('id');
      table.string('document_id');
      table.datetime('created_at');
    });
    await db('up_users').insert({ id: 7, document_id: 'doc7', created_at: new Date('2025-01-01') });
    await db.destroy();
    const store = openHistoryStore({
      address: { kind: 'sqlite', filename: env.MES_SQL_DSN },
      dailyPartitions: false,
      timeZone: 'UTC',
      pool: { maxIdle: 1, maxOpen: 1, maxLifetimeMs: 0 },
    });
    const one = historyRecord({ userDocumentId: null, formerUserId: 7 });
    await store.restore([one]);
    await store.match([
      { position: { id: one.recordId, timeMs: one.createdAt.getTime() }, userDocumentId: null },
    ]);
    await store.close();
    expect(await cli(['assign', '--by-id'], env)).toMatchObject({
      code: 0,
      stdout: 'Gave 1 record of number 7 to doc7.\n',
    });
  });

  it('prints what is wrong, and no secret', async () => {
    const wrong = await cli(['size', '--all'], {});
    expect([wrong.code, wrong.stdout]).toEqual([2, '']);
    const away = await cli(['size'], { MES_SQL_DSN: 'postgres://ann:top-secret@127.0.0.1:1/history' });
    expect(away).toMatchObject({ code: 1, stdout: '' });
    expect(away.stderr).toContain('The database of the history cannot be reached.');
    expect(away.stderr).not.toContain('top-secret');
    const unknown = await cli(['size'], { SQL_DSN: 'oracle://top-secret', SQL_MAX_IDLE_CONNS: '1' });
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/^The settings are not complete:\n {2}- SQL_DSN must be .+\n$/u);
    expect(unknown.stderr).not.toContain('top-secret');
  });
});
