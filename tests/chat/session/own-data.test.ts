import { createLiveTurns, createTurnLog } from '../../../src/chat/stream/live-turns';
import { createOwnData } from '../../../src/chat/session/own-data';
import type { Erased, OwnDataStore } from '../../../src/chat/ports/own-data-store';
import type { WireEvent } from '../../../src/chat/contract/stream-event';
import { collect } from '../support/collect';
import { ada, bob, keeper, message } from '../support/fixtures';
import { createMemoryCharacters } from '../support/memory-characters';
import { createEmptyOwnDataStore } from '../support/memory-own-data-store';

const token = {
  tokenId: 'token-1',
  name: 'Robot',
  scopes: ['read' as const],
  createdAt: new Date('2026-11-21T14:00:00Z'),
  expiresAt: null,
  lastUsedAt: null,
};
const restorableMs = 30 * 86_400_000;

function create(changes: Partial<OwnDataStore>, live = createLiveTurns()) {
  const stopped: string[] = [];
  const ownData = createOwnData({
    store: createEmptyOwnDataStore(changes),
    characters: createMemoryCharacters([keeper]),
    turns: {
      stop: async (_owner, turnId) => {
        stopped.push(turnId);
        throw new Error('Not found.');
      },
    },
    live,
    restorableMs,
    files: { listAfter: async () => [] },
    purgeFiles: async () => undefined,
    onErased: () => undefined,
  });
  return { ownData, stopped };
}

function addLiveTurn(live: ReturnType<typeof createLiveTurns>, turnId: string, ownerId: number) {
  const log = createTurnLog({ turnId, sessionId: 'session', ownerId, rateLimit: null, maxChars: 10_000 });
  live.add(log);
  return log;
}

/** Returns these amounts one after the other, and then zero. */
function amounts(list: Erased[]): () => Promise<Erased> {
  return async () => list.shift() ?? { sessions: 0, messages: 0 };
}

describe('an export', () => {
  it('contains only the account of a user without messages', async () => {
    const text = (await collect(create({}).ownData.export(ada))).join('');
    expect(text).toBe(`${JSON.stringify({ type: 'user', ...ada })}\n`);
  });

  it('lists the personal tokens of the user', async () => {
    const text = (await collect(create({ listTokens: async () => [token] }).ownData.export(ada))).join('');
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { type: 'user', ...ada },
      {
        type: 'token',
        token_id: 'token-1',
        name: 'Robot',
        scopes: ['read'],
        created_at: '2026-11-21T14:00:00.000Z',
        expires_at: null,
        last_used_at: null,
      },
    ]);
  });

  it('names the character of a message, and reads a page only on demand', async () => {
    const reads: number[] = [];
    const { ownData } = create({
      async listMessagesAfter(_owner, { id, limit }) {
        reads.push(id);
        return Array.from({ length: limit }, (_, index) => message({ id: id + index + 1 }));
      },
    });
    const pieces = ownData.export(ada);
    const [account, first, ...rest] = ((await pieces.next()).value ?? '').split('\n');
    expect(JSON.parse(account ?? '')).toMatchObject({ type: 'user' });
    expect(JSON.parse(first ?? '')).toMatchObject({
      type: 'message',
      message_id: 1,
      content: 'Calm.',
      ai_character: { documentId: keeper.documentId, name: keeper.name },
    });
    expect(rest).toHaveLength(20);
    expect(reads).toEqual([0]);
    await pieces.next();
    await pieces.return();
    expect(reads).toEqual([0, 20]);
  });
});

describe('erasing', () => {
  it('first ends the turns of the owner, and no other turns', async () => {
    const live = createLiveTurns();
    const mine = addLiveTurn(live, 'mine', ada.id);
    const theirs = addLiveTurn(live, 'theirs', bob.id);
    const events: string[] = [];
    const { ownData, stopped } = create(
      {
        findLiveTurns: async () => ['mine', 'elsewhere'],
        eraseSome: async () => {
          events.push('erase');
          return { sessions: 0, messages: 0 };
        },
      },
      live,
    );
    mine.endRequest.addEventListener('abort', () => {
      events.push(`end by ${mine.endRequest.reason}`);
      setImmediate(() => {
        events.push('ended');
        mine.append({ event: 'error' } as WireEvent);
      });
    });
    await ownData.erase(ada);
    expect(events).toEqual(['end by stop', 'ended', 'erase']);
    expect(stopped).toEqual(['mine', 'elsewhere']);
    expect(theirs.endRequest.aborted).toBe(false);
  });

  it('continues until nothing is left, and returns the totals', async () => {
    const { ownData } = create({
      eraseSome: amounts([
        { sessions: 0, messages: 500 },
        { sessions: 0, messages: 3 },
        { sessions: 2, messages: 0 },
      ]),
    });
    expect(await ownData.erase(ada)).toEqual({ sessions: 2, messages: 503 });
  });

  it('alternates its batches with those of another user', async () => {
    const order: string[] = [];
    let running = 0;
    const { ownData } = create({
      async eraseSome(user) {
        running += 1;
        expect(running).toBe(1);
        await new Promise(setImmediate);
        running -= 1;
        order.push(user.id === ada.id ? 'ada' : 'bob');
        return { sessions: 0, messages: order.length < 6 ? 1 : 0 };
      },
    });
    await Promise.all([ownData.erase(ada), ownData.erase(bob)]);
    expect(order.slice(0, 6)).toEqual(['ada', 'bob', 'ada', 'bob', 'ada', 'bob']);
  });

  it('uses smaller batches after a slow batch', async () => {
    const limits: number[] = [];
    const { ownData } = create({
      async eraseSome(_userId, limit) {
        limits.push(limit);
        if (limits.length === 1) jest.advanceTimersByTime(50);
        return { sessions: 0, messages: limits.length < 3 ? 1 : 0 };
      },
    });
    // On a clock that only the test moves, a busy machine makes no batch slow.
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
    try {
      await ownData.erase(ada);
    } finally {
      jest.useRealTimers();
    }
    expect(limits).toEqual([100, 20, 40]);
  });

  it('does not wait for the turns of a user that is being deleted', async () => {
    const live = createLiveTurns();
    const turn = addLiveTurn(live, 'running', ada.id);
    const { ownData } = create({ eraseSome: amounts([{ sessions: 0, messages: 2 }]) }, live);
    expect(await ownData.eraseUser(ada)).toEqual({ sessions: 0, messages: 2 });
    expect(turn.endRequest.reason).toBe('stop');
  });
});

describe('purging', () => {
  it('removes the data that can no longer be restored', async () => {
    const asked: Date[] = [];
    const { ownData } = create({
      async purgeSome(deletedBefore) {
        asked.push(deletedBefore);
        return { sessions: asked.length === 1 ? 1 : 0, messages: 0 };
      },
    });
    expect(await ownData.purge(new AbortController().signal)).toEqual({ sessions: 1, messages: 0 });
    expect(asked).toHaveLength(2);
    const ageMs = Date.now() - (asked[0]?.getTime() ?? 0);
    expect(ageMs).toBeGreaterThanOrEqual(restorableMs);
    expect(ageMs).toBeLessThan(restorableMs + 60_000);
  });

  it('stops between two batches when its signal aborts', async () => {
    const stopping = new AbortController();
    let count = 0;
    const { ownData } = create({
      async purgeSome() {
        count += 1;
        if (count === 3) stopping.abort();
        return { sessions: 0, messages: 500 };
      },
    });
    expect(await ownData.purge(stopping.signal)).toEqual({ sessions: 0, messages: 1_500 });
  });
});
