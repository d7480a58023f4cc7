import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import threads, { Worker } from 'node:worker_threads';

import { historyProblems } from '../../../src/history';
import { openBeside, openInThread } from './support/in-thread';
import { record, someNoon } from './support/records';
import { createHistory, type TestHistory } from './support/servers';

let history: TestHistory;
let store: ReturnType<typeof openInThread>;
let started: Worker[];
/** The program that the next thread runs instead of the store. */
let program: string | undefined;

const filename = () => {
  const { address } = history.settings(false);
  if (address.kind !== 'sqlite') throw new Error('This is the history on SQLite.');
  return address.filename;
};

beforeEach(async () => {
  started = [];
  program = undefined;
  jest.spyOn(threads, 'Worker').mockImplementation((file, options) => {
    const thread = new Worker(program ?? file, options);
    program = undefined;
    started.push(thread);
    return thread;
  });
  history = await createHistory('sqlite');
  store = openInThread(history.settings(false));
});
afterEach(async () => {
  await store.close();
  await history.drop();
  jest.restoreAllMocks();
});

/** Runs `work` while another connection holds the write lock. Work that started before waits for the lock by then. */
async function whileLocked(work: () => Promise<void>): Promise<void> {
  await history.rows('begin immediate');
  try {
    await work();
  } finally {
    await history.rows('rollback');
  }
}

/** Waits for a read. The thread handles requests in order, so all earlier ones have started by then. */
const allAreUnderWay = () => store.countConversations('everybody');

describe('worker thread of a history store', () => {
  it('starts once, at the first use', async () => {
    expect(started).toHaveLength(0);
    await Promise.all([store.save([record()]), store.countConversations('everybody')]);
    await store.countConversations('everybody');

    expect(started).toHaveLength(1);
  });

  it('exists only for SQLite: other drivers do not block the event loop', async () => {
    const server = await createHistory('postgres');
    const other = openBeside(server.settings(false));
    await other.save([record()]);
    await other.close();
    await server.drop();
    expect(started).toHaveLength(0);
    const beside = openBeside(history.settings(false));
    await beside.save([record()]);
    await beside.close();
    expect(started).toHaveLength(1);
  });

  it('does not block the event loop of the caller', async () => {
    await store.migrated();
    await allAreUnderWay();
    const slow = 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000)';
    await history.rows(
      `create trigger slow before insert on history_conversations begin
         update history_state set daily = daily where id = (${slow} select max(i) from n); end`,
    );
    const startedAt = performance.now();
    let [last, longest, isSaved] = [startedAt, 0, false];
    const saving = store.save([record()]).finally(() => (isSaved = true));
    while (!isSaved) {
      await new Promise(setImmediate);
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }
    await saving;

    expect(longest).toBeLessThan((performance.now() - startedAt) / 3);
  });

  it('sends the warnings of the store to the caller', async () => {
    await store.migrated();
    await allAreUnderWay();
    // This table has the name of one that the store creates.
    await history.rows('create table conversation_histories_flat (id integer)');
    const told = await new Promise<string>((resolve) => {
      const other = openBeside(
        history.settings(true),
        (warning) => void other.close().then(() => resolve(warning)),
      );
      void other.countConversations('everybody');
    });

    expect(told).toMatch(
      /^The tables of the history could not be divided by days: .* \(other, SQLITE_ERROR\)/u,
    );
  });

  it('rejects the running call when it dies, and the next call starts another thread', async () => {
    await allAreUnderWay();
    await whileLocked(async () => {
      const saving = store.save([record()]);
      await allAreUnderWay();
      const refused = expect(saving).rejects.toMatchObject({ name: 'HistoryProblem', code: 'unreachable' });
      await started[0]?.terminate();
      await refused;
    });
    await store.save([record()]);

    expect(await store.countConversations('everybody')).toBe(1);
    expect(started).toHaveLength(2);
  });

  it('does not break the store when it fails with an error', async () => {
    program = path.join(path.dirname(filename()), 'program.js');
    await writeFile(program, 'throw new Error("a secret");');
    const problem: unknown = await store.save([record()]).catch((error: unknown) => error);

    expect(problem).toMatchObject({ code: 'unreachable', message: historyProblems.unreachable });
    await store.save([record()]);
    expect(await store.countConversations('everybody')).toBe(1);
  });

  it('has ended when the store is closed, after a checkpoint of the file', async () => {
    await store.save([record()]);
    expect(existsSync(`${filename()}-wal`)).toBe(true);
    await store.close();

    expect(started.map(({ threadId }) => threadId)).toEqual([-1]);
    expect(existsSync(`${filename()}-wal`)).toBe(false);
    await expect(store.save([record()])).rejects.toMatchObject({ code: 'closed' });
    await store.close();
    expect(started).toHaveLength(1);
  });

  it('rejects waiting calls when the store is closed', async () => {
    await allAreUnderWay();
    await whileLocked(async () => {
      const saving = store.save([record()]);
      await allAreUnderWay();
      const refused = expect(saving).rejects.toMatchObject({ name: 'HistoryProblem', code: 'closed' });
      await store.close();
      await refused;
    });
  });

  it('never starts when the store is closed before its first use', async () => {
    await store.close();
    await expect(store.countConversations('everybody')).rejects.toMatchObject({ code: 'closed' });

    expect(started).toHaveLength(0);
  });

  it('stops pruning when the signal is aborted', async () => {
    const records = Array.from({ length: 1_000 }, (_, index) =>
      record({ recordId: `turn-${index}`, createdAt: new Date(someNoon + index) }),
    );
    await store.save(records);
    const controller = new AbortController();
    let pruned: Promise<number> | undefined;
    await whileLocked(async () => {
      pruned = store.prune('2025-02-01', controller.signal);
      await allAreUnderWay();
      controller.abort();
    });
    const removed = (await pruned) ?? 0;

    expect(removed).toBeLessThan(records.length);
    expect(await store.readBefore('2025-02-01', null, 10_000)).toHaveLength(records.length - removed);
  });

  it('reports a problem with its code only', async () => {
    const folder = path.dirname(filename());
    await writeFile(path.join(folder, 'file'), '');
    const address = { kind: 'sqlite', filename: path.join(folder, 'file', 'history.db') } as const;
    const other = openInThread({ ...history.settings(false), address });
    const problem: unknown = await other.save([record()]).catch((error: unknown) => error);
    await other.close();

    expect(problem).toMatchObject({
      name: 'HistoryProblem',
      code: 'not-writable',
      message: historyProblems['not-writable'],
    });
    expect(problem).not.toHaveProperty('cause');
  });

  it('continues after a call with data that cannot be cloned', async () => {
    await expect(store.save([record({ response: () => undefined })])).rejects.toMatchObject({
      code: 'other',
    });
    await store.save([record()]);

    expect(await store.countConversations('everybody')).toBe(1);
  });

  it('keeps the process alive only while a call is pending', async () => {
    const child = path.join(__dirname, 'support/thread-child.ts');
    const args = ['--import', 'tsx', child, JSON.stringify(history.settings(false))];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });

    expect(stdout).toBe('saved');
    expect(await store.readBefore('2025-02-01', null, 10)).toHaveLength(2);
  });
});
