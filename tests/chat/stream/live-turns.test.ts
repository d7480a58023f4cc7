import { createLiveTurns, createTurnLog, type TurnLog } from '../../../src/chat/stream/live-turns';
import type { Frame } from '../../../src/chat/stream/sse';
import type { WireEvent } from '../../../src/chat/contract/stream-event';
import { collect, settle, thrown } from '../support/collect';
import { shownText } from '../support/harness';
import { envelope, failed, said } from '../support/stream-events';

const never = new AbortController().signal;

function newLog(turnId = 'turn-1', maxChars = 1_000_000): TurnLog {
  return createTurnLog({ turnId, sessionId: 'session-1', ownerId: 1, rateLimit: null, maxChars });
}

function endedLog(...texts: readonly string[]): TurnLog {
  const log = newLog();
  for (const text of texts) log.append(said(text));
  log.append(failed);
  return log;
}

function toLogged(events: readonly WireEvent[]): Frame[] {
  return events.map((event, index) => ({ id: index + 1, data: JSON.stringify(event) }));
}

async function follow(log: TurnLog, cursor = 0, signal = never): Promise<Frame[]> {
  return (await collect(log.follow(cursor, signal))).flat();
}

describe('createTurnLog', () => {
  it('wakes its followers in the tick of its end, before a waiter of `ended` closes their output', async () => {
    const log = newLog();
    let read: unknown;
    void log
      .follow(0, never)
      .next()
      .then(({ value }) => (read = value));
    await settle();
    log.append(failed);
    let isEnded = false;
    void log.ended.then(() => (isEnded = true));
    await new Promise((resolve) => process.nextTick(resolve));
    expect([isEnded, read]).toEqual([true, toLogged([failed])]);
  });

  it('sends both events of one iteration to a follower that joins between them', async () => {
    const log = newLog();
    log.append(said('first'));
    const late = log.follow(0, never);
    expect((await late.next()).value?.map(({ id }) => id)).toEqual([1]);
    const next = late.next();
    log.append(said('second'));
    await settle();
    expect((await next).value?.map(({ id }) => id)).toEqual([2]);
    await late.return();
  });

  it('sends all followers the same sequence, in order and without a gap', async () => {
    const log = newLog();
    const followers = [follow(log), follow(log), follow(log)];
    const events: WireEvent[] = [];
    for (let index = 0; index < 50; index += 1) {
      events.push(said(`text ${index}`));
      log.append(said(`text ${index}`));
      if (index % 7 === 0) await settle();
      if (index === 20) followers.push(follow(log));
    }
    log.append(failed);
    for (const seen of await Promise.all(followers)) expect(seen).toEqual(toLogged([...events, failed]));
  });

  it('resumes from every cursor', async () => {
    const log = endedLog('a', 'b', 'c');
    const all = toLogged([said('a'), said('b'), said('c'), failed]);
    for (const cursor of [0, 1, 2, 3, 4]) expect(await follow(log, cursor)).toEqual(all.slice(cursor));
  });

  it('starts again from the beginning for an unknown cursor', async () => {
    const log = endedLog('a');
    expect((await follow(log, 99)).map(({ id }) => id)).toEqual([1, 2]);
  });

  it('resumes from every cursor while the turn is still running', async () => {
    const log = newLog();
    log.append(said('a'));
    log.append(said('b'));
    const followers = [0, 1, 2].map((cursor) => follow(log, cursor));
    await settle();
    log.append(said('c'));
    log.append(failed);
    const all = toLogged([said('a'), said('b'), said('c'), failed]);
    expect(await Promise.all(followers)).toEqual([all, all.slice(1), all.slice(2)]);
  });

  it('sends all events to a follower that joins after the end', async () => {
    expect(await follow(endedLog('a'))).toEqual(toLogged([said('a'), failed]));
  });

  it('sends each event before the next one happens', async () => {
    const log = newLog();
    const batches = log.follow(0, never);
    log.append(said('a'));
    expect((await batches.next()).value).toEqual(toLogged([said('a')]));
    const next = batches.next();
    await settle();
    log.append(said('b'));
    expect((await next).value).toEqual([{ id: 2, data: JSON.stringify(said('b')) }]);
    await batches.return();
  });

  it('sends the events of one tick as one batch', async () => {
    const log = newLog();
    const batches = log.follow(0, never);
    const next = batches.next();
    await settle();
    for (const text of ['a', 'b', 'c']) log.append(said(text));
    expect((await next).value).toEqual(toLogged([said('a'), said('b'), said('c')]));
    await batches.return();
  });

  it('sends a late follower all events since its last read as one batch', async () => {
    const log = newLog();
    const batches = log.follow(0, never);
    log.append(said('a'));
    await batches.next();
    for (const text of ['b', 'c']) {
      log.append(said(text));
      await settle();
    }
    expect((await batches.next()).value).toHaveLength(2);
    await batches.return();
  });

  it('limits the size of a batch without losing events', async () => {
    const log = endedLog(...Array.from({ length: 1_000 }, (_, index) => String(index)));
    const batches = await collect(log.follow(0, never));
    expect(batches.flat().map(({ id }) => id)).toEqual(
      Array.from({ length: 1_001 }, (_, index) => index + 1),
    );
    for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(256);
  });

  it('sends a follower that is far behind the text in one piece, and then every event', async () => {
    const log = newLog('turn-1', 20_000);
    const batches = log.follow(0, never);
    const keepingUp = follow(log);
    const texts = Array.from({ length: 1_000 }, (_, index) => `${index} `);
    log.append(said(texts[0] ?? ''));
    const seen = [...((await batches.next()).value ?? [])];
    for (const text of texts.slice(1)) {
      log.append(said(text));
      await settle();
    }
    log.append(failed);
    for await (const batch of batches) seen.push(...batch);
    const events = seen.map(({ data }) => JSON.parse(data) as WireEvent);
    expect(events.map(({ event }) => event).slice(0, 3)).toEqual(['message', 'message_replace', 'message']);
    expect(shownText(events)).toBe(texts.join(''));
    expect(seen.slice(1).map(({ id }) => id)).toEqual(
      Array.from({ length: seen.length - 1 }, (_, index) => 1_003 - seen.length + index),
    );
    expect(await keepingUp).toEqual(toLogged([...texts.map(said), failed]));
  });

  describe('once it has ended', () => {
    beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
    afterEach(() => jest.useRealTimers());

    it('keeps each event for some seconds, and then the text, for a late follower', async () => {
      const log = newLog();
      const [soon, late] = [log.follow(0, never), log.follow(0, never)];
      log.append(said('a'));
      for (const batches of [soon, late]) await batches.next();
      for (const text of ['b', 'c']) log.append(said(text));
      log.append(failed);
      jest.advanceTimersByTime(4_000);
      expect((await collect(soon)).flat()).toEqual(
        toLogged([said('a'), said('b'), said('c'), failed]).slice(1),
      );
      jest.advanceTimersByTime(4_000);
      const rest = (await collect(late)).flat().map(({ data }) => JSON.parse(data) as WireEvent);
      expect(rest).toEqual([{ event: 'message_replace', ...envelope, answer: 'abc' }, failed]);
    });

    it('leaves no timer when all followers have read to its end, or without followers', async () => {
      const log = newLog();
      const followers = [follow(log), follow(log)];
      await settle();
      log.append(failed);
      await Promise.all(followers);
      newLog().append(failed);
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('releases a waiting follower when its signal fires, and keeps the others', async () => {
    const log = newLog();
    const leaving = new AbortController();
    const gone = follow(log, 0, leaving.signal);
    const staying = follow(log);
    log.append(said('a'));
    await settle();
    leaving.abort();
    expect(await gone).toEqual(toLogged([said('a')]));
    log.append(failed);
    expect(await staying).toEqual(toLogged([said('a'), failed]));
  });

  it('sends nothing to a follower whose signal has already fired', async () => {
    expect(await follow(endedLog('a'), 0, AbortSignal.abort())).toEqual([]);
  });

  it('stops in the middle of a long log when the signal fires', async () => {
    const log = endedLog(...Array.from({ length: 1_000 }, () => 'x'));
    const leaving = new AbortController();
    const batches = log.follow(0, leaving.signal);
    await batches.next();
    leaving.abort();
    expect((await batches.next()).done).toBe(true);
  });

  it('leaves no listener on the signal of a follower that has read to the end', async () => {
    const log = newLog();
    const { signal, listeners } = countingSignal();
    const following = follow(log, 0, signal);
    for (const text of ['a', 'b', 'c']) {
      log.append(said(text));
      await settle();
      expect(listeners()).toBe(1);
    }
    log.append(failed);
    await following;
    expect(listeners()).toBe(0);
  });

  it.each([
    ['an error', failed],
    [
      'the end of the message',
      {
        event: 'message_end',
        ...envelope,
        id: 'msg-1',
        outcome: 'completed',
        metadata: { usage: null },
        data: [],
      } satisfies WireEvent,
    ],
  ])('rejects further events after %s', async (_name, terminal) => {
    const log = newLog();
    log.append(terminal);
    expect(String(await thrown(() => log.append(said('late'))))).toContain('turn-1');
    expect(await thrown(() => log.append(terminal))).toBeInstanceOf(Error);
    expect(await follow(log)).toEqual(toLogged([terminal]));
  });

  it('settles `ended` with the terminal event, and not before', async () => {
    const log = newLog();
    let ended: WireEvent | undefined;
    void log.ended.then((event) => (ended = event));
    log.append(said('a'));
    await settle();
    expect(ended).toBeUndefined();
    log.append(failed);
    expect(await log.ended).toEqual(failed);
  });

  it('writes each event as one line of JSON', async () => {
    const [logged] = await follow(endedLog('two\nlines\r\n\u2028'));
    expect(logged?.data).not.toMatch(/[\n\r]/u);
    expect(JSON.parse(logged?.data ?? '')).toMatchObject({ answer: 'two\nlines\r\n\u2028' });
  });
});

describe('a request to end a turn', () => {
  it('reaches the writer with its reason, and sends nothing to followers', async () => {
    const log = newLog();
    expect(log.endRequest.aborted).toBe(false);
    const reasons: unknown[] = [];
    log.endRequest.addEventListener('abort', () => reasons.push(log.endRequest.reason));
    log.requestEnd('stop');
    expect(reasons).toEqual(['stop']);
    log.append(failed);
    expect(await follow(log)).toEqual(toLogged([failed]));
  });

  it.each([
    ['stop', 'shutdown'],
    ['shutdown', 'stop'],
    ['stop', 'stop'],
  ] as const)('keeps only the first reason: %s, then %s', (first, second) => {
    const log = newLog();
    let times = 0;
    log.endRequest.addEventListener('abort', () => (times += 1));
    log.requestEnd(first);
    log.requestEnd(second);
    expect(log.endRequest.reason).toBe(first);
    expect(times).toBe(1);
  });

  it('changes nothing after the turn has ended', async () => {
    const log = endedLog('a');
    log.requestEnd('stop');
    expect(await log.ended).toEqual(failed);
    expect(await follow(log)).toEqual(toLogged([said('a'), failed]));
  });

  it('ends its own turn, and no other', () => {
    const [one, two] = [newLog('one'), newLog('two')];
    one.requestEnd('shutdown');
    expect([one.endRequest.aborted, two.endRequest.aborted]).toEqual([true, false]);
  });
});

describe('createLiveTurns', () => {
  it('finds a turn until it has ended', async () => {
    const live = createLiveTurns();
    const log = newLog();
    expect(live.find('turn-1')).toBeUndefined();
    live.add(log);
    expect(live.find('turn-1')).toBe(log);
    expect(live.all().map(({ turnId }) => turnId)).toEqual(['turn-1']);
    log.append(failed);
    await settle();
    expect(live.find('turn-1')).toBeUndefined();
    expect(live.all().map(({ turnId }) => turnId)).toEqual([]);
  });

  it('is idle immediately without turns', async () => {
    await createLiveTurns().idle();
  });

  it('is idle when the last turn has ended, including turns that started meanwhile', async () => {
    const live = createLiveTurns();
    const [one, two, three] = [newLog('one'), newLog('two'), newLog('three')];
    live.add(one);
    live.add(two);
    let isIdle = false;
    const idle = live.idle().then(() => (isIdle = true));
    one.append(failed);
    await settle();
    live.add(three);
    two.append(failed);
    await settle();
    expect(isIdle).toBe(false);
    three.append(failed);
    await idle;
    expect(live.all().map(({ turnId }) => turnId)).toEqual([]);
  });
});

/** Creates a signal that never fires, and counts its listeners. */
function countingSignal(): { readonly signal: AbortSignal; readonly listeners: () => number } {
  const { signal } = new AbortController();
  const listening = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listening.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listening.delete(args[1]);
    remove(...args);
  };
  return { signal, listeners: () => listening.size };
}
