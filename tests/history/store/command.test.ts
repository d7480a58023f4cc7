import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

import { archive } from '../../../scripts/history/archive';
import { fromLine, toLine } from '../../../scripts/history/line';
import { parseCommand } from '../../../scripts/history/options';
import { restore } from '../../../scripts/history/restore';
import { run } from '../../../scripts/history/run';
import { HistoryCommandError, type Screen } from '../../../scripts/history/screen';
import { historyProblems, parseHistoryStoreSettings, type HistoryRecord } from '../../../src/history';
import { createNaming } from '../../../src/history/naming/naming';
import { openHistoryStore, type Store } from '../../../src/history/store/open';
import { recordingLog } from '../../chat/support/fixtures';
import { createRandom } from '../../faults/support/random';
import { isFull } from '../../faults/support/scale';
import { codeBlocks } from '../../support/markdown';
import {
  bucketsOf,
  dayMs,
  failed,
  inOrder,
  randomRecords,
  record,
  someNoon,
  summariesOf,
  users,
} from './support/records';
import { createHistory, describeOnEachStore, type TestHistory } from './support/servers';

const root = path.resolve(__dirname, '..', '..', '..');
const firstPage = { limit: 100, offset: 0, after: null };
const allTime = [new Date(0), new Date(Date.UTC(2100, 0))] as const;
const quiet: Screen = { say() {}, progress() {}, clear() {} };
const never = new AbortController().signal;
/** The main database has no users. */
const findUsers = async () => new Map<number, never>();

/** 600 old records of five days in January 2025; `fresh` is the only record of today. */
const old = randomRecords(createRandom(7), 600, 5);
const fresh = record({ recordId: 'fresh', conversationId: 'session-1-1', createdAt: new Date() });

/** Returns a record of a version that named users by number. */
const withoutUser = (formerUserId: number) =>
  record({
    recordId: `of-${formerUserId}`,
    userDocumentId: null,
    formerUserId,
    createdAt: new Date(),
  });

async function expectExactly(store: Store, expected: readonly HistoryRecord[]): Promise<void> {
  const kept = await store.readBefore('2100-01-01', null, 10_000);
  expect(kept.map(({ position: _position, ...rest }) => rest)).toEqual(inOrder(expected).reverse());
  expect(await store.listConversations('everybody', firstPage)).toEqual(summariesOf(expected, 'everybody'));
  expect(await store.listBuckets('everybody', ...allTime)).toEqual(bucketsOf(expected, 'everybody'));
  for (const userDocumentId of users) {
    expect(await store.listBuckets({ userDocumentId }, ...allTime)).toEqual(
      bucketsOf(expected, { userDocumentId }),
    );
  }
}

function recordsIn(folder: string, end = '.jsonl.gz'): HistoryRecord[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(end));
  return files.flatMap((file) =>
    gunzipSync(readFileSync(path.join(folder, file)))
      .toString()
      .trimEnd()
      .split('\n')
      .map(fromLine),
  );
}

/** Returns the arguments of each line of docs/operations.md that runs the command. */
function documentedCommands(): string[][] {
  const blocks = codeBlocks(readFileSync(path.join(root, 'docs', 'operations.md'), 'utf8'));
  const lines = blocks.filter(({ language }) => language === 'sh').flatMap(({ code }) => code.split('\n'));
  const start = 'npm run history -- ';
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length).split(' '));
}

const idsOf = (records: readonly HistoryRecord[]) => records.map(({ recordId }) => recordId);

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Receives each line of stdout. `kill` signals the whole process group of the command, as a terminal does. */
  readonly onLine?: (line: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the command of `npm run history` directly, because npm reports a signal instead of the exit code. */
async function command(args: readonly string[], { env, onLine }: RunOptions): Promise<Result> {
  const child = spawn(path.join(root, 'node_modules', '.bin', 'tsx'), ['scripts/history.ts', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], ENV_PATH: '/dev/null', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let [stdout, stderr, told] = ['', '', 0];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    const lines = stdout.split('\n').slice(0, -1);
    for (const line of lines.slice(told))
      onLine?.(line, (signal) => void process.kill(-(child.pid ?? 0), signal));
    told = lines.length;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

describeOnEachStore('npm run history', (server, isDaily) => {
  let history: TestHistory;
  let store: Store;
  let folder: string;
  let env: Readonly<Record<string, string>>;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'chat-archive-'));
    history = await createHistory(server);
    env = { MES_SQL_DSN: history.dsn, MES_DAILY_PARTITION: String(isDaily) };
    store = open();
    for (let index = 0; index < old.length; index += 200) await store.save(old.slice(index, index + 200));
    await store.save([fresh]);
  });
  afterEach(async () => {
    await store.close();
    await history.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  function open(): Store {
    const filename = path.join(folder, 'data.db');
    const mainDatabase = { client: 'sqlite', connection: { filename } };
    return openHistoryStore(parseHistoryStoreSettings({ ...env, folder: root, mainDatabase }));
  }

  /** Runs the command in this process, because a new process takes seconds to start. */
  async function inProcess(args: readonly string[]): Promise<string> {
    const lines: string[] = [];
    const screen = { ...quiet, say: (line: string) => void lines.push(line) };
    const parsed = parseCommand(args);
    if (parsed === null) throw new Error('This is a command.');
    await run(parsed, { store, screen, signal: never, findUsers });
    return lines.join('\n');
  }
  /** Looks for the users of records that have only a number. The main database has no turns. */
  async function nameAll(): Promise<void> {
    const none = async () => new Map<never, never>();
    const { nameSome } = createNaming({
      source: { findTurnOwners: none, findSessionOwners: none },
      users: { findDocumentIds: none, findIds: none },
      store,
      log: recordingLog(),
    });
    while (await nameSome());
  }
  const archiveArgs = () => ['archive', '--older-than', '30d', '--to', folder];
  const oldDays = async () =>
    (await store.listPartitions()).filter(({ day }) => day < '2025-02-01').map(({ day }) => day);

  it('archives records, and restores them', async () => {
    const archived = await inProcess(archiveArgs());
    expect(archived.split('\n').at(-1)).toContain('Archived and removed 600 records');
    expect(inOrder(recordsIn(folder))).toEqual(inOrder(old));
    await expectExactly(store, [fresh]);
    expect(await oldDays()).toEqual([]);

    const [first = '', ...others] = readdirSync(folder).map((file) => path.join(folder, file));
    expect(await inProcess(['restore', first])).toContain(`${first}: restored `);
    for (const file of others) await inProcess(['restore', file]);
    await expectExactly(store, [...old, fresh]);
    expect(await oldDays()).toHaveLength(isDaily ? 5 : 0);
  });

  it('keeps a record that is saved after the last record of a day and before its partition is dropped', async () => {
    const late = record({ recordId: 'late', createdAt: new Date(someNoon) });
    const other = open();
    let isLate = false;
    const overtaken: Store = {
      ...store,
      async dropEmptyPartitions(beforeDay, signal) {
        if (beforeDay === '2025-01-16' && !isLate) {
          isLate = true;
          await other.save([late]);
        }
        return store.dropEmptyPartitions(beforeDay, signal);
      },
    };
    await archive({ store: overtaken, folder, beforeDay: '2025-02-01', screen: quiet, signal: never });
    await other.close();

    expect(isLate).toBe(true);
    expect(inOrder(recordsIn(folder))).toEqual(inOrder([...old, late]));
    await expectExactly(store, [fresh]);
  });

  it('loses no record when records are saved all the time while it archives', async () => {
    const other = open();
    const late = randomRecords(createRandom(8), 100, 5).map((one) => ({
      ...one,
      recordId: `late-${one.recordId}`,
    }));
    let isOver = false;
    const saving = (async () => {
      for (const one of late) await other.save([one]);
      isOver = true;
    })();
    while (!isOver)
      await archive({ store, folder, beforeDay: '2025-02-01', screen: quiet, signal: never }).catch(
        (error: unknown) => {
          if (!(error instanceof HistoryCommandError)) throw error;
        },
      );
    await saving;
    await archive({ store, folder, beforeDay: '2025-02-01', screen: quiet, signal: never });
    await other.close();

    expect(inOrder(recordsIn(folder))).toEqual(inOrder([...old, ...late]));
    await expectExactly(store, [fresh]);
  });

  it('reports an unreachable database, and continues in the next run', async () => {
    const { cable } = history;
    if (cable === null) return;
    const screen: Screen = {
      ...quiet,
      say(line) {
        if (line.startsWith('2025-01-12: removed')) cable.cut();
      },
    };
    const away = archive({ store, folder, beforeDay: '2025-02-01', screen, signal: never });
    await expect(away).rejects.toThrow(historyProblems.unreachable);
    cable.repair();

    await inProcess(archiveArgs());
    expect(inOrder(recordsIn(folder))).toEqual(inOrder(old));
    await expectExactly(store, [fresh]);
  });

  // In the check, only what depends on locks and connections runs on servers. The contract of the stores has the rest.
  if (server !== 'sqlite' && !isFull) return;

  it('prints sizes, changes nothing with --dry-run, and prunes', async () => {
    const errors = old.filter(({ error }) => error !== null).length;
    const sizes = await inProcess(['size']);
    expect(sizes).toMatch(new RegExp(`^conversation_histories +${601 - errors} `, 'mu'));
    expect(sizes).toMatch(new RegExp(`^error_conversation_histories +${errors} `, 'mu'));
    const partitions = await inProcess(['partitions']);
    expect(partitions.match(/^2025-01-1\d +\d+ /gmu) ?? []).toHaveLength(isDaily ? 5 : 0);
    for (const name of [['prune'], ['archive', '--to', path.join(folder, 'new')]]) {
      const said = await inProcess([...name, '--older-than', '30d', '--dry-run']);
      expect(said).toMatch(/600 records from before .* Nothing was changed\.$/u);
    }
    expect(existsSync(path.join(folder, 'new'))).toBe(false);
    await expectExactly(store, [...old, fresh]);

    expect(await inProcess(['prune', '--older-than', '30d'])).toContain('Removed 600 records from before');
    await expectExactly(store, [fresh]);
  });

  it('runs the lines of docs/operations.md as printed', async () => {
    await store.restore([7, 8].map((formerUserId) => withoutUser(formerUserId)));
    await nameAll();
    const printed: string[] = [];
    const before = process.cwd();
    process.chdir(folder);
    try {
      for (const args of documentedCommands()) printed.push(await inProcess(args));
    } finally {
      process.chdir(before);
    }

    expect(printed.map((lines) => lines.split('\n').at(-1))).toEqual([
      expect.stringMatching(/^\w+ +\d+ /u),
      isDaily ? expect.stringMatching(/^\d{4}-\d\d-\d\d +\d+ /u) : expect.stringContaining('no partitions'),
      expect.stringContaining('Nothing was changed.'),
      expect.stringContaining('Archived and removed 600 records'),
      expect.stringMatching(/conversation_histories_2025_01_15\.jsonl\.gz: restored [1-9]/u),
      expect.stringMatching(/^8 +1 /u),
      'Gave 1 record of number 7 to ac92oqku2edqhb5jrss3602f.',
      'No user with the id 8 existed at the time of the first record.',
    ]);
  });

  // A process takes seconds to start. One kind of partitions is enough: the signal comes between statements of both.
  const signals = isDaily ? (['SIGINT', 'SIGKILL'] as const) : [];

  for (const signal of signals) {
    it(`loses no record when ${signal} ends the process in the middle`, async () => {
      // Many more days to archive than pass until the signal arrives.
      const days = Array.from({ length: 100 }, (_, index) =>
        record({
          recordId: `day-${index}`,
          conversationId: 'session-1-1',
          createdAt: new Date(Date.UTC(2024, 0, 1 + index, 12)),
        }),
      );
      await store.save(days);
      const all = [...days, ...old];
      const broken = await command(archiveArgs(), {
        env,
        onLine(line, kill) {
          if (line.startsWith('2024-01-02: removed')) kill(signal);
        },
      });
      expect(broken.stdout).not.toContain('Archived and removed');
      if (signal === 'SIGINT') {
        expect([broken.code, broken.stderr]).toEqual([130, expect.stringContaining('Interrupted.')]);
      }
      const kept = await store.readBefore('2100-01-01', null, 10_000);
      expect(kept.length).toBeLessThan(all.length);
      const everywhere = new Set([...idsOf(kept), ...idsOf(recordsIn(folder))]);
      expect([...everywhere].sort()).toEqual(idsOf([...all, fresh]).sort());

      expect(await inProcess(archiveArgs())).toContain('Archived and removed');
      expect(inOrder(recordsIn(folder))).toEqual(inOrder(all));
      await expectExactly(store, [fresh]);
    });
  }

  it('restores nothing from a damaged file', async () => {
    await inProcess(archiveArgs());
    const name = 'conversation_histories_2025_01_15.jsonl.gz';
    const file = path.join(folder, name);
    const whole = readFileSync(file);
    const flipped = Buffer.from(whole).fill(0x55, whole.length >> 1, (whole.length >> 1) + 8);
    for (const damaged of [whole.subarray(0, whole.length - 9), flipped]) {
      writeFileSync(file, damaged);
      await expect(inProcess(['restore', file])).rejects.toThrow(name);
    }
    await expectExactly(store, [fresh]);
  });

  it('restores the remaining records after an interruption', async () => {
    await inProcess(['prune', '--older-than', '30d']);
    const file = path.join(folder, 'all.jsonl');
    writeFileSync(file, old.map(toLine).join(''));
    const interruption = new AbortController();
    const screen: Screen = {
      ...quiet,
      progress: (line) => line.startsWith('Restoring:') && interruption.abort(),
    };
    const broken = restore({ store, file, dryRun: false, screen, signal: interruption.signal });
    await expect(broken).rejects.toMatchObject({ exitCode: 130 });
    // One transaction is restored, with its sums.
    await expectExactly(store, [...old.slice(0, 200), fresh]);

    expect(await inProcess(['restore', file])).toContain('restored 400 of 600 records; 200 already existed');
    await expectExactly(store, [...old, fresh]);
  });

  it('keeps records that are saved to a day while it is archived', async () => {
    const late = [
      record({ recordId: 'late', conversationId: 'session-1-1', createdAt: new Date(someNoon) }),
      failed({ recordId: 'late-error', userDocumentId: 'user2', createdAt: new Date(someNoon + 1) }),
    ];
    const other = open();
    let isLate = false;
    const overtaken: Store = {
      ...store,
      async remove(positions) {
        // The files of this day are written, and its records are about to be removed.
        if (positions.some(({ timeMs }) => timeMs > someNoon - dayMs / 2) && !isLate) {
          isLate = true;
          await other.save(late);
        }
        return store.remove(positions);
      },
    };
    await archive({ store: overtaken, folder, beforeDay: '2025-02-01', screen: quiet, signal: never });
    await other.close();

    expect(isLate).toBe(true);
    expect(inOrder(recordsIn(folder))).toEqual(inOrder([...old, ...late]));
    await expectExactly(store, [fresh]);
  });

  it('writes a record that is saved to an earlier day meanwhile to the files of that day', async () => {
    const late = record({ recordId: 'late', createdAt: new Date(someNoon - 9 * dayMs) });
    const other = open();
    let isLate = false;
    const overtaken: Store = {
      ...store,
      async readBefore(beforeDay, after, limit) {
        if (beforeDay === '2025-01-15' && !isLate) {
          isLate = true;
          await other.save([late]);
        }
        return store.readBefore(beforeDay, after, limit);
      },
    };
    await archive({ store: overtaken, folder, beforeDay: '2025-02-01', screen: quiet, signal: never });
    await other.close();

    expect(isLate).toBe(true);
    expect(readdirSync(folder)).toContain('conversation_histories_2025_01_06.jsonl.gz');
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.gz'))) {
      const days = recordsIn(folder, file).map(({ createdAt }) => createdAt.toISOString().slice(0, 10));
      expect([...new Set(days)]).toEqual([file.slice(-19, -9).replaceAll('_', '-')]);
    }
    expect(inOrder(recordsIn(folder))).toEqual(inOrder([...old, late]));
    await expectExactly(store, [fresh]);
  });
});
