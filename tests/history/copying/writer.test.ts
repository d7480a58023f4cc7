import { setTimeout as pause } from 'node:timers/promises';

import { HistoryProblem } from '../../../src/history/model/problem';
import { toRecord } from '../../../src/history/records/from-turn';
import { createHistoryWriter, type HistoryWriterOptions } from '../../../src/history/copying/writer';
import { createGate, settle, until } from '../../chat/support/collect';
import { ada, bob, recordingLog, users } from '../../chat/support/fixtures';
import { createMemoryHistorySource, finishedTurn } from '../support/memory-history-source';
import { createMemoryHistoryStore } from '../support/memory-history-store';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Creates a writer whose pauses last milliseconds. It starts a round only when `wake()` is called, by default. */
function create(changes: Partial<HistoryWriterOptions> = {}) {
  const source = createMemoryHistorySource();
  const store = createMemoryHistoryStore();
  const log = recordingLog();
  const options = {
    source,
    store,
    users,
    log,
    model: 'dify',
    everyMs: 60_000,
    gatherMs: 5,
    backOffMs: [2, 8],
    lastRoundMs: 500,
    ...changes,
  } as const;
  const writer = createHistoryWriter(options);
  stops.push(writer.stop);
  return { source, store, log, writer, another: () => createHistoryWriter(options) };
}

const turnsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => finishedTurn({ turnId: `turn-${first + index}` }));

const outage = Object.assign(new Error('connect ECONNREFUSED db.internal:5432'), { code: 'ECONNREFUSED' });

describe('history writer', () => {
  it('copies due turns in batches when it starts, and settles them', async () => {
    const { source, store, writer } = create({ batchSize: 2 });
    source.finish(...turnsFrom(1, 5));
    writer.start();
    await until(() => source.states()['turn-5'] === undefined);
    expect(store.calls).toEqual(['save turn-1,turn-2', 'save turn-3,turn-4', 'save turn-5']);
    expect([...store.records.keys()]).toHaveLength(5);
    expect(source.states()).toEqual({});
    expect(writer.status()).toEqual({
      state: 'ok',
      waiting: 0,
      waitingErasures: 0,
      setAside: 0,
      oldestSeconds: 0,
      problem: null,
    });
  });

  it('starts a round by itself, to copy turns of other processes', async () => {
    const { source, store, writer } = create({ everyMs: 5 });
    writer.start();
    await pause(20);
    source.finish(finishedTurn());
    await until(() => store.records.size === 1);
  });

  it('copies soon after wake(), in one batch for many calls', async () => {
    const { source, store, writer } = create();
    source.finish(finishedTurn({ turnId: 'first' }));
    writer.start();
    await until(() => source.states()['first'] === undefined);
    for (const turn of turnsFrom(1, 20)) {
      source.finish(turn);
      writer.wake();
    }
    await until(() => store.records.size === 21);
    expect(store.calls).toHaveLength(2);
  });

  it('starts another round when wake() is called during a round', async () => {
    const { source, store, writer } = create();
    const save = store.save.bind(store);
    let isFirst = true;
    store.save = async (records) => {
      await save(records);
      if (!isFirst) return;
      isFirst = false;
      // The turn becomes due only after the round has ended.
      setTimeout(() => source.finish(finishedTurn({ turnId: 'late' })), 2);
      writer.wake();
    };
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.records.has('late'));
  });

  it('carries out erasures before it copies turns', async () => {
    const { source, store, writer } = create();
    await store.save([]);
    source.finish(
      finishedTurn({ turnId: 'of-ada' }),
      finishedTurn({ turnId: 'of-bob', userDocumentId: bob.documentId }),
    );
    source.noteErasure({ userDocumentId: ada.documentId, conversationId: null, before: new Date() });
    writer.start();
    await until(() => Object.keys(source.states()).length === 0);
    expect(store.calls.slice(1)).toEqual(['erase doc-ada', 'save of-ada,of-bob']);
    expect([...store.records.keys()]).toEqual(['of-bob']);
    expect(source.erasures()).toEqual([]);
  });

  it('carries out all of 250 erasures before it copies turns', async () => {
    const { source, store, writer } = create();
    source.finish(finishedTurn());
    for (let userId = 1_000; userId < 1_250; userId += 1)
      source.noteErasure({ userDocumentId: `user-${userId}`, conversationId: null, before: new Date() });
    writer.start();
    await until(() => Object.keys(source.states()).length === 0);
    expect(store.calls.filter((call) => call.startsWith('erase'))).toHaveLength(250);
    expect(store.calls.at(-1)).toBe('save turn-1');
    expect(source.erasures()).toEqual([]);
  });

  it('runs one loop when start() is called twice', async () => {
    const { store, writer } = create();
    writer.start();
    writer.start();
    await writer.stop();
    expect(store.reads).toBe(1);
  });

  it('copies each turn once while another writer runs', async () => {
    const { source, store, writer, another } = create({ batchSize: 3 });
    const second = another();
    stops.push(second.stop);
    source.finish(...turnsFrom(1, 50));
    writer.start();
    second.start();
    await until(() => Object.keys(source.states()).length === 0);
    const saved = store.calls.flatMap((call) => call.replace('save ', '').split(','));
    expect(saved).toHaveLength(50);
    expect(new Set(saved).size).toBe(50);
  });
});

describe('history writer while the history database is unavailable', () => {
  it('reports unavailable from the start, even when no turn is due', async () => {
    const { store, writer } = create();
    store.away = outage;
    writer.start();
    await until(() => writer.status().state === 'unavailable');
    expect(store.calls).toEqual([]);
  });

  it('keeps turns due, logs one warning, and copies all turns after the database returns', async () => {
    const { source, store, log, writer } = create();
    store.away = outage;
    source.finish(...turnsFrom(1, 3));
    writer.start();
    await until(() => store.reads > 6);
    expect(store.calls).toEqual([]);
    expect(writer.status()).toMatchObject({ state: 'unavailable', waiting: 3, problem: 'history' });
    expect(writer.status().oldestSeconds).toBeGreaterThan(1_000);
    expect(source.states()).toEqual({ 'turn-1': 'due', 'turn-2': 'due', 'turn-3': 'due' });
    source.finish(finishedTurn({ turnId: 'turn-4' }));
    store.away = null;
    await until(() => store.records.size === 4);
    await until(() => writer.status().state === 'ok');
    expect(log.lines).toEqual([
      'warn The history cannot be written, the history is at fault: Error ECONNREFUSED. Finished turns wait for it.',
      'info The history is written again; 0 turns wait for it.',
    ]);
  });

  it('logs another warning when the reason changes', async () => {
    const { source, store, log, writer } = create();
    source.finish(finishedTurn());
    store.away = new HistoryProblem('unreachable');
    writer.start();
    await until(() => store.reads > 3);
    store.away = new HistoryProblem('login-refused');
    await until(() => log.lines.length > 1);
    store.away = null;
    await until(() => log.lines.length > 2);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn The history cannot be written, .* cannot be reached \(unreachable\)\. /u),
      expect.stringMatching(/^warn The history still cannot be written: .* \(login-refused\)\.$/u),
      expect.stringMatching(/^info The history is written again; /u),
    ]);
  });

  it('logs another warning when the main database becomes unavailable, too', async () => {
    const { source, store, log, writer } = create();
    source.finish(finishedTurn());
    store.away = outage;
    writer.start();
    await until(() => writer.status().problem === 'history');
    store.away = null;
    source.away = outage;
    await until(() => writer.status().problem === 'main-database');
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn The history cannot be written, the history is at fault: /u),
      expect.stringMatching(/^warn The history cannot be written, the main-database is at fault: /u),
    ]);
  });

  it('retries with growing pauses, however many turns end', async () => {
    const { store, source, writer } = create({ backOffMs: [10, 80] });
    store.away = outage;
    source.finish(finishedTurn());
    writer.start();
    await until(() => writer.status().state === 'unavailable');
    const since = performance.now();
    while (performance.now() - since < 300) {
      writer.wake();
      await pause(1);
    }
    // 10 + 20 + 40 + 80 + 80 + …
    expect(store.reads).toBeLessThan(12);
    expect(store.reads).toBeGreaterThan(3);
  });

  it('does not retry the turns of a batch one by one', async () => {
    const { store, source, writer } = create({ backOffMs: [60_000, 60_000] });
    writer.start();
    await until(() => store.reads === 1);
    store.away = outage;
    source.finish(...turnsFrom(1, 20));
    writer.wake();
    await until(() => writer.status().state === 'unavailable');
    expect(store.calls).toHaveLength(1);
    expect(Object.values(source.states()).every((state) => state === 'due')).toBe(true);
  });

  it('keeps an erasure waiting, and copies no turn before it', async () => {
    const { store, source, writer } = create();
    store.away = outage;
    source.noteErasure({ userDocumentId: ada.documentId, conversationId: null, before: new Date() });
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.reads > 3);
    expect(writer.status()).toMatchObject({ waitingErasures: 1, waiting: 1 });
    expect(source.states()).toEqual({ 'turn-1': 'due' });
    store.away = null;
    await until(() => Object.keys(source.states()).length === 0);
    expect(store.records.size).toBe(0);
  });

  it('keeps an erasure that the history refuses, and carries it out later', async () => {
    const { store, source, writer } = create();
    await store.save([toRecord(finishedTurn(), 'dify')]);
    store.readOnly = outage;
    source.noteErasure({ userDocumentId: ada.documentId, conversationId: null, before: new Date() });
    writer.start();
    await until(() => store.calls.filter((call) => call === 'erase doc-ada').length > 2);
    expect([store.records.size, source.erasures().length]).toEqual([1, 1]);
    store.readOnly = null;
    await until(() => source.erasures().length === 0);
    expect(store.records.size).toBe(0);
  });

  it('saves no further turn after the first failure until the database returns', async () => {
    const { store, source, writer } = create();
    writer.start();
    await until(() => store.reads === 1);
    store.away = outage;
    source.finish(finishedTurn());
    writer.wake();
    await until(() => store.reads > 6);
    expect(store.calls).toEqual(['save turn-1']);
    expect(source.states()).toEqual({ 'turn-1': 'due' });
  });

  it('leaves no unhandled rejection', async () => {
    const { store, source, writer } = create();
    store.away = outage;
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.reads > 3);
    source.away = outage;
    await until(() => writer.status().problem === 'main-database' || writer.status().problem === 'history');
    await writer.stop();
    // Jest itself fails this test on an unhandled rejection.
    await pause(5);
  });
});

describe('history writer while the main database is unavailable', () => {
  it('logs one warning, and copies the turns after the database returns', async () => {
    const { source, store, log, writer } = create();
    source.away = outage;
    source.finish(finishedTurn());
    writer.start();
    await until(() => writer.status().problem === 'main-database');
    await pause(30);
    source.away = null;
    await until(() => store.records.size === 1);
    await until(() => writer.status().state === 'ok');
    expect(log.lines).toEqual([
      expect.stringContaining('warn The history cannot be written, the main-database is at fault'),
      expect.stringContaining('info The history is written again'),
    ]);
  });

  it('saves an unsettled turn again, which leaves one record', async () => {
    const { source, store, writer } = create();
    const save = store.save.bind(store);
    store.save = async (records) => {
      await save(records);
      source.away ??= outage;
    };
    source.finish(finishedTurn());
    writer.start();
    await until(() => writer.status().problem === 'main-database');
    store.save = save;
    source.away = null;
    source.forgetClaims();
    await until(() => Object.keys(source.states()).length === 0);
    expect(store.calls.filter((call) => call.startsWith('save'))).toHaveLength(2);
    expect(store.records.size).toBe(1);
  });
});

describe('history writer with a record that the history refuses', () => {
  it('sets only this record aside, and logs its id without its content', async () => {
    const { source, store, log, writer } = create();
    store.refused.add('turn-2');
    source.finish(...turnsFrom(1, 4));
    writer.start();
    await until(() => writer.status().setAside === 1);
    expect([...store.records.keys()]).toEqual(['turn-1', 'turn-3', 'turn-4']);
    expect(source.states()).toEqual({ 'turn-2': 'aside' });
    expect(writer.status()).toMatchObject({ state: 'ok', waiting: 0, setAside: 1 });
    expect(log.lines).toEqual([
      expect.stringMatching(/^error Turn turn-2 is refused by the history, and set aside: /u),
    ]);
    expect(log.lines.join()).not.toContain('out of range');
  });

  it('does not set a single turn aside until the history accepts another one', async () => {
    const { source, store, writer } = create();
    store.refused.add('turn-1');
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.calls.filter((call) => call.startsWith('save')).length > 4);
    expect(source.states()).not.toHaveProperty('turn-1', 'aside');
    expect(writer.status().state).toBe('unavailable');
    source.finish(finishedTurn({ turnId: 'turn-2' }));
    await until(() => writer.status().setAside === 1);
    expect([...store.records.keys()]).toEqual(['turn-2']);

    // When the writer claims the turn again, it sets the turn aside immediately.
    source.forgetClaims();
    writer.wake();
    await until(() => source.states()['turn-1'] === 'aside');
    await until(() => writer.status().state === 'ok');
  });

  it('keeps all turns due when the history refuses every record', async () => {
    const { source, store, log, writer } = create();
    store.readOnly = Object.assign(new Error('disk full'), { code: 'SQLITE_FULL' });
    source.finish(...turnsFrom(1, 3));
    writer.start();
    await until(() => store.calls.length > 30 && store.reads > 10);
    expect(writer.status()).toMatchObject({ state: 'unavailable', waiting: 3, setAside: 0 });
    store.readOnly = null;
    await until(() => store.records.size === 3);
    await until(() => writer.status().state === 'ok');
    expect(log.lines).toHaveLength(2);
  });

  it('sets no turn aside when the history starts to refuse everything in the middle of a batch', async () => {
    const { source, store, writer } = create();
    const save = store.save.bind(store);
    store.save = async (records) => {
      if (records.length > 1) throw new Error('Not several.');
      if (store.records.size === 3) store.readOnly = new Error('Locked.');
      return save(records);
    };
    source.finish(...turnsFrom(1, 6));
    writer.start();
    await until(() => writer.status().state === 'unavailable');
    await until(() => Object.values(source.states()).join() === 'due,due,due');
    expect(writer.status()).toMatchObject({ waiting: 3, setAside: 0 });
    store.readOnly = null;
    store.save = save;
    await until(() => store.records.size === 6);
  });

  it('does not set a turn aside after a temporary refusal', async () => {
    const { source, store, log, writer } = create();
    const save = store.save.bind(store);
    let refusals = 0;
    store.save = async (records) => {
      if (records.some(({ recordId }) => recordId === 'turn-1') && refusals++ < 2) throw new Error('Locked.');
      return save(records);
    };
    source.finish(...turnsFrom(1, 3));
    writer.start();
    await until(() => Object.keys(source.states()).length === 0);
    await until(() => writer.status().state === 'ok' && writer.status().waiting === 0);
    expect(store.records.size).toBe(3);
    expect(log.lines).toEqual([]);
  });

  it('still copies the following batches', async () => {
    const { source, store, writer } = create({ batchSize: 2 });
    store.refused.add('turn-1');
    source.finish(...turnsFrom(1, 5));
    writer.start();
    await until(() => store.records.size === 4);
    expect(source.states()).toHaveProperty('turn-1', 'aside');
  });
});

describe('history writer with data of an older version or of another history', () => {
  it('names the users of old records after it copied due turns, and notes the history of each turn', async () => {
    const { source, store, writer } = create();
    const old = toRecord(finishedTurn({ turnId: 'numbered' }), 'dify');
    await store.save([{ ...old, userDocumentId: null, formerUserId: 7 }]);
    source.turnOwners.set('numbered', bob.documentId);
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.records.get('numbered')?.userDocumentId === bob.documentId);
    expect(source.settled).toEqual(new Map([['turn-1', 'memory']]));
  });

  it('repeats the survey for missing turns once the history is reachable', async () => {
    const { source, store, writer } = create({ everyMs: 5, surveyEveryMs: 20 });
    store.away = outage;
    writer.start();
    await until(() => store.reads > 2);
    expect(source.surveys).toBe(0);
    store.away = null;
    await until(() => source.surveys > 2);
  });

  it('waits until the users of former erasures are named', async () => {
    const { source, store, writer } = create();
    const listFormerErasures = store.listFormerErasures.bind(store);
    const gate = createGate();
    store.listFormerErasures = async (...args) => {
      await gate.opened;
      return listFormerErasures(...args);
    };
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.reads > 0);
    await settle();
    expect(store.calls).toEqual([]);
    gate.open();
    await until(() => store.records.size === 1);
  });
});

describe('interval of the history writer', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => jest.useRealTimers());

  it('returns to the usual pause after one wake', async () => {
    const { source, writer } = create({ everyMs: 5_000, gatherMs: 250 });
    let claims = 0;
    const claimSome = source.claimSome.bind(source);
    source.claimSome = (limit) => {
      claims += 1;
      // The first round is running.
      if (claims === 1) writer.wake();
      return claimSome(limit);
    };
    writer.start();
    await jest.advanceTimersByTimeAsync(250);
    expect(claims).toBe(2);
    await jest.advanceTimersByTimeAsync(4_999);
    expect(claims).toBe(2);
    await jest.advanceTimersByTimeAsync(1);
    expect(claims).toBe(3);
  });

  it('stays at one attempt a minute after hours without the history database', async () => {
    const { source, store, writer } = create({ backOffMs: [1_000, 60_000] });
    source.finish(finishedTurn());
    store.away = outage;
    writer.start();
    await jest.advanceTimersByTimeAsync(5 * 3_600_000);
    expect(writer.status()).toMatchObject({ state: 'unavailable', waiting: 1 });
    store.away = null;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(writer.status()).toMatchObject({ state: 'ok', waiting: 0 });
  });

  it('starts again with short pauses for each new outage', async () => {
    const { source, store, writer } = create({ everyMs: 5_000, backOffMs: [1_000, 60_000] });
    store.away = outage;
    writer.start();
    await jest.advanceTimersByTimeAsync(3_600_000);
    store.away = null;
    await jest.advanceTimersByTimeAsync(120_000);
    expect(writer.status().state).toBe('ok');
    source.away = outage;
    await jest.advanceTimersByTimeAsync(5_000);
    expect(writer.status().state).toBe('unavailable');
    source.away = null;
    // At most two attempts have failed: the next pauses last one, two and four seconds.
    await jest.advanceTimersByTimeAsync(4_000);
    expect(writer.status().state).toBe('ok');
  });
});

describe('stop() of the history writer', () => {
  it('copies the turns that are due first, and touches nothing afterwards', async () => {
    const { source, store, writer } = create({ batchSize: 2 });
    writer.start();
    source.finish(...turnsFrom(1, 5));
    await writer.stop();
    expect(store.records.size).toBe(5);
    source.finish(finishedTurn({ turnId: 'late' }));
    writer.wake();
    await pause(20);
    expect(source.states()).toEqual({ late: 'due' });
  });

  it('finishes the running round, and copies a turn that ended meanwhile', async () => {
    const { source, store, writer } = create({ lastRoundMs: 5_000 });
    const save = store.save.bind(store);
    const [{ opened: begun, open: begin }, { opened, open }] = [createGate(), createGate()];
    store.save = async (records) => {
      begin();
      await opened;
      return save(records);
    };
    source.finish(finishedTurn());
    writer.start();
    await begun;
    const stopped = writer.stop();
    source.finish(finishedTurn({ turnId: 'late' }));
    open();
    await stopped;
    expect([...store.records.keys()]).toEqual(['turn-1', 'late']);
  });

  it('starts no further batch of erasures after its time limit', async () => {
    const { source, store, writer } = create({ lastRoundMs: 20 });
    const erase = store.erase.bind(store);
    const [{ opened: begun, open: begin }, { opened, open }] = [createGate(), createGate()];
    store.erase = async (erasure) => {
      begin();
      await opened;
      return erase(erasure);
    };
    for (let userId = 1; userId <= 250; userId += 1)
      source.noteErasure({ userDocumentId: `user-${userId}`, conversationId: null, before: new Date() });
    writer.start();
    await begun;
    await writer.stop();
    open();
    await until(() => source.erasures().length <= 150);
    await settle();
    expect(source.erasures()).toHaveLength(150);
  });

  it('starts no further batch of turns after its time limit', async () => {
    const { source, store, writer } = create({ batchSize: 1, lastRoundMs: 60 });
    const save = store.save.bind(store);
    store.save = async (records) => {
      await pause(20);
      await save(records);
    };
    source.finish(...turnsFrom(1, 1_000));
    writer.start();
    await until(() => store.records.size > 0);
    await writer.stop();
    const atTheEnd = store.records.size;
    expect(atTheEnd).toBeLessThan(20);
    await pause(60);
    expect(store.records.size).toBe(atTheEnd);
    expect(Object.values(source.states()).every((state) => state === 'due')).toBe(true);
  });

  it('does not wait for a history database that is unavailable', async () => {
    const { source, store, writer } = create({ backOffMs: [60_000, 60_000], lastRoundMs: 60_000 });
    store.away = outage;
    source.finish(finishedTurn());
    writer.start();
    await until(() => writer.status().state === 'unavailable');
    const { reads } = store;
    await writer.stop();
    expect(store.reads).toBe(reads);
  });

  it('stops waiting for a history database that never replies', async () => {
    const { source, store, writer } = create({ lastRoundMs: 20 });
    store.save = () => new Promise(() => undefined);
    source.finish(finishedTurn());
    writer.start();
    await until(() => source.states()['turn-1'] === 'claimed');
    await writer.stop();
  });

  it('resolves when the writer was never started', async () => {
    await create().writer.stop();
  });
});

describe('status() of the history writer', () => {
  it('is behind after a turn has waited too long while both databases are available', async () => {
    const { source, store, writer } = create({ behindAfterMs: 1_000, batchSize: 1 });
    const gate = { open: () => undefined as void };
    const save = store.save.bind(store);
    store.save = async (records) => {
      if (records[0]?.recordId === 'turn-2') await new Promise<void>((resolve) => (gate.open = resolve));
      return save(records);
    };
    source.finish(...turnsFrom(1, 2));
    writer.start();
    await until(() => writer.status().state === 'behind');
    expect(writer.status()).toMatchObject({ waiting: 1, problem: null });
    await until(() => source.states()['turn-2'] === 'claimed');
    await pause(1);
    gate.open();
    await until(() => writer.status().state === 'ok');
  });
});
