import { AsyncLocalStorage } from 'node:async_hooks';

import { createConversationCleanup, maxTries } from '../../../src/chat/session/conversation-cleanup';
import { ChatError } from '../../../src/chat/errors';
import type { UnneededConversation } from '../../../src/chat/ports/unneeded-conversations';
import { createDifyEmulator, type DifyEmulator } from '../../dify-emulator';
import { createGate, settle, until } from '../support/collect';
import { difyClient, difySettings, question } from '../support/dify';
import { recordingLog } from '../support/fixtures';
import { oneUpstream, silentUpstream } from '../support/one-upstream';
import type { Upstream } from '../../../src/chat/ports/upstream';

const named = (conversationId: string, tries = 0): UnneededConversation => ({
  id: 1,
  conversationId,
  user: question.user,
  upstreamId: null,
  tries,
});

type Delete = Upstream['deleteConversation'];

/** Creates the cleanup of these conversations. */
function create(waiting: UnneededConversation[], deleteConversation: Delete = async () => undefined) {
  const log = recordingLog();
  const counts = { claims: 0, settled: 0, asked: 0 };
  const added: unknown[] = [];
  const cleanup = createConversationCleanup({
    store: {
      add: async (conversation) => void added.push(conversation),
      async claim(except = []) {
        counts.claims += 1;
        const found = waiting.findIndex(({ upstreamId }) => !except.includes(upstreamId ?? 'dify'));
        return waiting.splice(found, found === -1 ? 0 : 1)[0] ?? null;
      },
      settle: async () => void (counts.settled += 1),
    },
    upstreams: oneUpstream({
      ...silentUpstream,
      async deleteConversation(...given) {
        counts.asked += 1;
        await deleteConversation(...given);
      },
    }),
    log,
  });
  return { cleanup, waiting, lines: log.lines, counts, added };
}

/** Runs a round, which ends when `isDone` holds. */
async function run(created: ReturnType<typeof create>, isDone: () => boolean) {
  created.cleanup.start();
  await until(isDone);
  await settle();
  await created.cleanup.stop();
  return created;
}

describe('the cleanup of conversations', () => {
  let dify: DifyEmulator;
  beforeAll(async () => void (dify = await createDifyEmulator().listen()));
  afterAll(() => dify.close());

  it('deletes one in Dify, and settles one that Dify does not have', async () => {
    const client = difyClient(difySettings(dify));
    await client.ask({ ...question, conversationId: null }, () => undefined);
    const id = dify.conversations().at(-1)?.id ?? '';
    const created = create([named(id), named(id)], (one) => client.deleteConversation(one, question.user));
    const { counts, lines } = await run(created, () => created.counts.claims === 3);
    expect(counts).toEqual({ claims: 3, settled: 2, asked: 2 });
    expect(lines).toEqual([]);
    expect(dify.conversations().at(-1)?.deleted).toBe(true);
  });

  it('keeps them while their upstream fails, ends its round after three failures, and logs one line', async () => {
    const created = create(
      Array.from({ length: 5 }, () => named('some-id')),
      () => Promise.reject(new ChatError('upstream-unreachable')),
    );
    const { counts, lines, waiting } = await run(created, () => created.counts.asked === 3);
    expect([counts.settled, waiting.length]).toEqual([0, 2]);
    expect(lines).toEqual([
      'warn "dify" did not delete a conversation: upstream-unreachable. It is tried again.',
    ]);
  });

  it('deletes those of other upstreams while one is away', async () => {
    const away = Array.from({ length: 5 }, () => ({ ...named('some-id'), upstreamId: 'openai' }));
    const created = create([...away, named('ok'), named('ok')], async (id) => {
      if (id !== 'ok') throw new ChatError('upstream-unreachable');
    });
    const { counts, waiting } = await run(created, () => created.counts.settled === 2);
    expect([counts.asked, waiting.length]).toEqual([5, 2]);
  });

  it('continues a round in which Dify refuses some of them', async () => {
    const refused = ['a', 'ok', 'b', 'ok', 'c', 'ok', 'd', 'ok'].map((id) => named(id));
    const created = create(refused, async (id) => {
      if (id !== 'ok') throw new ChatError('upstream-failed');
    });
    const { counts } = await run(created, () => created.counts.claims === 9);
    expect(counts).toMatchObject({ settled: 4, asked: 8 });
  });

  it('gives one up after a week, and names it', async () => {
    const created = create([named('some-id', maxTries - 1)], () =>
      Promise.reject(new ChatError('upstream-failed')),
    );
    const { counts, lines } = await run(created, () => created.counts.settled === 1);
    expect(counts.settled).toBe(1);
    expect(lines.at(-1)).toBe(
      'error "dify" did not delete conversation some-id for a week. Delete it there.',
    );
  });

  // Fake timers would not keep the asynchronous context.
  it('runs outside of the transaction of the caller who woke it', async () => {
    const transaction = new AsyncLocalStorage<string>();
    const contexts: unknown[] = [];
    const { cleanup } = create([named('a')], async () => void contexts.push(transaction.getStore()));
    transaction.run('open', () => cleanup.start());
    await until(() => contexts.length > 0);
    await cleanup.stop();
    expect(contexts).toEqual([undefined]);
  });

  it('ends the running request when it stops, and then uses neither the database nor the log', async () => {
    const asked = createGate();
    const { cleanup, counts, lines } = create([named('a'), named('b')], async (_id, _user, signal) => {
      asked.open();
      await new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new ChatError('upstream-unreachable')));
      });
    });
    cleanup.start();
    await asked.opened;
    await cleanup.stop();
    expect(counts).toEqual({ claims: 1, settled: 0, asked: 1 });
    expect(lines).toEqual([]);
  });
});

describe('the cleanup of conversations runs', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());
  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

  it('at its start and then once a minute, until it stops', async () => {
    const { cleanup, counts } = create([]);
    cleanup.start();
    await pass(0);
    expect(counts.claims).toBe(1);
    await pass(59_999);
    expect(counts.claims).toBe(1);
    await pass(1);
    expect(counts.claims).toBe(2);
    await cleanup.stop();
    await pass(600_000);
    expect(counts.claims).toBe(2);
  });

  it('soon after it is woken, and never before its start', async () => {
    const { cleanup, counts } = create([]);
    cleanup.wake();
    await pass(120_000);
    expect(counts.claims).toBe(0);
    cleanup.start();
    await pass(1_000);
    cleanup.wake();
    await pass(0);
    expect(counts.claims).toBe(2);
    await cleanup.stop();
  });

  it('again if it is woken during a round', async () => {
    const { cleanup, counts } = create([named('a')], async () => cleanup.wake());
    cleanup.start();
    await pass(1);
    await pass(1);
    expect(counts.claims).toBe(3);
    await cleanup.stop();
  });

  it('soon after a conversation is added', async () => {
    const { cleanup, counts, added } = create([]);
    cleanup.start();
    await pass(0);
    const conversation = { conversationId: 'late', user: 'user-1', upstreamId: null };
    await cleanup.add(conversation);
    await pass(0);
    expect(added).toEqual([conversation]);
    expect(counts.claims).toBe(2);
    await cleanup.stop();
  });
});
