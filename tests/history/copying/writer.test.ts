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

/** A writer that pauses for milliseconds. Unless a test says otherwise, it comes round only when it is woken. */
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

describe('the writer of the history', () => {
  it('copies what is due when it starts, a batch at a time, and settles it', async () => {
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

  it('comes round by itself, for what ends in other processes', async () => {
    const { source, store, writer } = create({ everyMs: 5 });
    writer.start();
    await pause(20);
    source.finish(finishedTurn());
    await until(() => store.records.size === 1);
  });

  it('copies soon when it is woken, and once for many wakes', async () => {
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

  it('hears a wake during a round', async () => {
    const { source, store, writer } = create();
    const save = store.save.bind(store);
    let isFirst = true;
    store.save = async (records) => {
      await save(records);
      if (!isFirst) return;
      isFirst = false;
      // Due only once the round is over.
      setTimeout(() => source.finish(finishedTurn({ turnId: 'late' })), 2);
      writer.wake();
    };
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.records.has('late'));
  });

  it('forgets what was erased before it copies anything', async () => {
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

  it('forgets all that was erased before it copies anything, however much that is', async () => {
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

  it('is one, however often it is started', async () => {
    const { store, writer } = create();
    writer.start();
    writer.start();
    await writer.stop();
    expect(store.reads).toBe(1);
  });

  it('with another one beside it copies each turn once', async () => {
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

describe('while the history is away', () => {
  it('it says so from the start, though nothing is due', async () => {
    const { store, writer } = create();
    store.away = outage;
    writer.start();
    await until(() => writer.status().state === 'unavailable');
    expect(store.calls).toEqual([]);
  });

  it('turns wait, it says so once, and copies all when it is back', async () => {
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

  it('says so again where it is away for another reason', async () => {
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

  it('says so again where the other database is away, too', async () => {
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

  it('it is tried less and less often, however many turns end', async () => {
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

  it('of a batch nothing is tried one by one', async () => {
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

  it('an erasure waits too, and no turn is copied before it', async () => {
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

  it('an erasure that it does not take is kept, and is carried out when it is back', async () => {
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

  it('after it was there, nothing more is given to it until it is back', async () => {
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

  it('nothing of it is a rejection nobody handles', async () => {
    const { store, source, writer } = create();
    store.away = outage;
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.reads > 3);
    source.away = outage;
    await until(() => writer.status().problem === 'main-database' || writer.status().problem === 'history');
    await writer.stop();
    // A rejection that nobody handles would fail this test by itself: Jest sees to that.
    await pause(5);
  });
});

describe('while the main database is away', () => {
  it('nothing is due, it says so once, and goes on when it is back', async () => {
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

  it('what was saved but not settled is saved again, to be there once', async () => {
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

describe('a record that the history refuses', () => {
  it('holds up no other: it is set aside, named in the log without what it says', async () => {
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

  it('alone is not to blame until another is taken', async () => {
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

    // Given out again later it is set aside at once.
    source.forgetClaims();
    writer.wake();
    await until(() => source.states()['turn-1'] === 'aside');
    await until(() => writer.status().state === 'ok');
  });

  it('is none where the history refuses everything: then all wait', async () => {
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

  it('is none where the history takes nothing more in the middle of a batch', async () => {
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

  it('for a moment only is not set aside', async () => {
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

  it('does not put off the batches after its own', async () => {
    const { source, store, writer } = create({ batchSize: 2 });
    store.refused.add('turn-1');
    source.finish(...turnsFrom(1, 5));
    writer.start();
    await until(() => store.records.size === 4);
    expect(source.states()).toHaveProperty('turn-1', 'aside');
  });
});

describe('what an older version or another history left', () => {
  it('is named after what is due was copied, and tells the main database which history has a turn', async () => {
    const { source, store, writer } = create();
    const old = toRecord(finishedTurn({ turnId: 'numbered' }), 'dify');
    await store.save([{ ...old, userDocumentId: null, formerUserId: 7 }]);
    source.turnOwners.set('numbered', bob.documentId);
    source.finish(finishedTurn());
    writer.start();
    await until(() => store.records.get('numbered')?.userDocumentId === bob.documentId);
    expect(source.settled).toEqual(new Map([['turn-1', 'memory']]));
  });

  it('is looked for again and again, where the history has been there', async () => {
    const { source, store, writer } = create({ everyMs: 5, surveyEveryMs: 20 });
    store.away = outage;
    writer.start();
    await until(() => store.reads > 2);
    expect(source.surveys).toBe(0);
    store.away = null;
    await until(() => source.surveys > 2);
  });

  it('waits while the erasures of conversations are not named', async () => {
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

describe('how often it comes round', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => jest.useRealTimers());

  it('is as before once a wake was heard', async () => {
    const { source, writer } = create({ everyMs: 5_000, gatherMs: 250 });
    let claims = 0;
    const claimSome = source.claimSome.bind(source);
    source.claimSome = (limit) => {
      claims += 1;
      // In the middle of the first round.
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

  it('is still once a minute after hours without the history', async () => {
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

  it('is soon again at first, each time that a database is away', async () => {
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
    // It has failed twice at most: the next pauses are of one, two and four seconds.
    await jest.advanceTimersByTimeAsync(4_000);
    expect(writer.status().state).toBe('ok');
  });
});

describe('stopping it', () => {
  it('copies what is left first, and touches nothing afterwards', async () => {
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

  it('ends with the round that is under way, and with what has come meanwhile', async () => {
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

  it('begins nothing more to erase when its time is over', async () => {
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

  it('takes no new batch when its time is over', async () => {
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

  it('does not wait for a history that is away', async () => {
    const { source, store, writer } = create({ backOffMs: [60_000, 60_000], lastRoundMs: 60_000 });
    store.away = outage;
    source.finish(finishedTurn());
    writer.start();
    await until(() => writer.status().state === 'unavailable');
    const { reads } = store;
    await writer.stop();
    expect(store.reads).toBe(reads);
  });

  it('does not wait for ever for one that never answers', async () => {
    const { source, store, writer } = create({ lastRoundMs: 20 });
    store.save = () => new Promise(() => undefined);
    source.finish(finishedTurn());
    writer.start();
    await until(() => source.states()['turn-1'] === 'claimed');
    await writer.stop();
  });

  it('is nothing where it was never started', async () => {
    await create().writer.stop();
  });
});

describe('its state', () => {
  it('is behind when a turn has waited for long though both databases are there', async () => {
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
