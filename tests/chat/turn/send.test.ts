import { once } from 'node:events';

import { ChatError } from '../../../src/chat/errors';
import type { Idempotency, Question } from '../../../src/chat/model/question';
import { createTurnLog, type LiveTurn } from '../../../src/chat/stream/live-turns';
import type { Owner } from '../../../src/chat/model/owner';
import { createSend } from '../../../src/chat/turn/send';
import type { NewTurn } from '../../../src/chat/model/turn';
import type { TurnAccess } from '../../../src/chat/turn/access';
import { createGate, settle, thrown } from '../support/collect';
import { ada, bob, newSession, newTurn } from '../support/fixtures';
import { questionOf } from '../support/harness';
import { createMemoryTurnStore, type MemoryTurnStore } from '../support/memory-turn-store';

/** A start that has not saved its turn yet. */
interface Start {
  /** Counts from 1. */
  readonly number: number;
  readonly store: MemoryTurnStore;
  readonly idempotency: Idempotency | null;
}

/** Sends one question with one key, and records the starts. `beforeSaving` delays a start or makes it fail. */
function createSends(beforeSaving: (start: Start) => Promise<void> = async () => undefined) {
  const store = createMemoryTurnStore();
  const access = createEndlessAccess();
  const started: string[] = [];
  const { send: sendOnce, sendKeyed } = createSend({ store, access, open: start });
  return { started, awaited: access.awaited, send, sendKeyed };

  function send(owner: Owner = ada) {
    return sendOnce({ ...questionOf('How is the sea?'), owner }, 'key-1');
  }

  async function start({ owner }: Question, idempotency: Idempotency | null): Promise<LiveTurn> {
    const number = started.push(owner.username);
    await beforeSaving({ number, store, idempotency });
    const turn = turnOf(owner, `turn-${number}`, idempotency);
    await store.open(turn);
    const { turnId, session } = turn;
    const { sessionId } = session;
    return createTurnLog({ turnId, sessionId, ownerId: owner.id, rateLimit: null, maxChars: 1_000 });
  }
}

/** Simulates turns that never end. `awaited` records the turn and the owner of each wait for an end. */
function createEndlessAccess(): TurnAccess & { readonly awaited: readonly string[] } {
  const awaited: string[] = [];
  const notAsked = () => Promise.reject(new Error('Unexpected call.'));
  return {
    awaited,
    find: notAsked,
    stop: notAsked,
    stopUnread: notAsked,
    follow: async () => async function* () {},
    async awaitEnd(owner, turnId, signal) {
      awaited.push(`${turnId} of ${owner.username}`);
      await once(signal, 'abort');
      return null;
    },
  };
}

function turnOf(owner: Owner, turnId: string, idempotency: Idempotency | null): NewTurn {
  const messageIds = { questionMessageId: `question of ${turnId}`, answerMessageId: `answer of ${turnId}` };
  return newTurn({ owner, turnId, ...messageIds, session: newSession(`session of ${turnId}`), idempotency });
}

describe('a send', () => {
  it('does not wait for another user’s send with the same key', async () => {
    const saving = createGate();
    const { send, started } = createSends(() => saving.opened);
    const sending = Promise.all([send(ada), send(bob)]);
    await settle();
    expect(started).toEqual(['ada', 'bob']);
    saving.open();
    expect(await sending).toMatchObject([
      { turnId: 'turn-1', isReplay: false },
      { turnId: 'turn-2', isReplay: false },
    ]);
  });

  it('tries to start a turn if the send that it waited for fails', async () => {
    const busy = new ChatError('server-busy');
    const { send } = createSends(async ({ number }) => {
      if (number === 1) throw busy;
    });
    expect(await Promise.allSettled([send(), send()])).toMatchObject([
      { status: 'rejected', reason: busy },
      { status: 'fulfilled', value: { turnId: 'turn-2', isReplay: false } },
    ]);
  });

  it('waits again if another waiting send tries first', async () => {
    const saving = createGate();
    const { send, started } = createSends(async ({ number }) => {
      if (number === 1) throw new ChatError('server-busy');
      await saving.opened;
    });
    const sending = Promise.allSettled([send(), send(), send()]);
    await settle();
    expect(started).toHaveLength(2);
    saving.open();
    expect(await sending).toMatchObject([
      { status: 'rejected' },
      { status: 'fulfilled', value: { turnId: 'turn-2', isReplay: false } },
      { status: 'fulfilled', value: { turnId: 'turn-2', isReplay: true } },
    ]);
    expect(started).toHaveLength(2);
  });

  it('joins the turn that another process started with its key at the same time', async () => {
    const { send, started } = createSends(async ({ store, idempotency }) => {
      await store.open(turnOf(ada, 'turn-elsewhere', idempotency));
    });
    expect(await send()).toMatchObject({ turnId: 'turn-elsewhere', isReplay: true, rateLimit: null });
    expect(started).toHaveLength(1);
  });

  it('fails with the error of its start if no other process started the turn', async () => {
    const busy = new ChatError('server-busy');
    const { send } = createSends(() => Promise.reject(busy));
    expect(await thrown(send())).toBe(busy);
  });

  it('that joined a turn waits for its end until its client leaves', async () => {
    const { send, awaited } = createSends();
    await send();
    const { isReplay, awaitEnd } = await send();
    const leaving = new AbortController();
    let end: unknown = 'none yet';
    void awaitEnd(leaving.signal).then((event) => (end = event));
    await settle();
    expect([isReplay, awaited, end]).toEqual([true, ['turn-1 of ada'], 'none yet']);
    leaving.abort();
    await settle();
    expect(end).toBeNull();
  });
});

describe('a keyed request', () => {
  const question = questionOf('How is the sea?');

  it('joins the turn of the first one, and does not make its question again', async () => {
    const { sendKeyed, started } = createSends();
    const request = { key: 'key-1', body: { model: 'keeper', n: 1 } };
    await sendKeyed(ada, request, async () => question);
    const again = { key: 'key-1', body: { n: 1, model: 'keeper' } };
    const joined = await sendKeyed(ada, again, () => Promise.reject(new Error('Not needed.')));

    expect(joined).toMatchObject({ turnId: 'turn-1', isReplay: true });
    expect(started).toHaveLength(1);
  });

  it('is refused if the key was used with another body', async () => {
    const { sendKeyed } = createSends();
    await sendKeyed(ada, { key: 'key-1', body: { n: 1 } }, async () => question);
    const error = await thrown(sendKeyed(ada, { key: 'key-1', body: { n: 2 } }, async () => question));

    expect(error).toMatchObject({ code: 'idempotency-key-reused' });
  });
});
