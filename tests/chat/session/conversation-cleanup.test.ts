import { createConversationCleanup, maxTries } from '../../../src/chat/session/conversation-cleanup';
import { ChatError } from '../../../src/chat/errors';
import type { UnneededConversation } from '../../../src/chat/ports/unneeded-conversations';
import { createDifyEmulator, type DifyEmulator } from '../../dify-emulator';
import { until } from '../../support/until';
import { difyClient, difySettings, question } from '../support/dify';

let dify: DifyEmulator;
beforeAll(async () => void (dify = await createDifyEmulator().listen()));
afterAll(() => dify.close());

/** Asks a question. @returns the id of its conversation. */
async function begin(): Promise<string> {
  await difyClient(difySettings(dify)).ask({ ...question, conversationId: null }, () => undefined);
  return dify.conversations().at(-1)?.id ?? '';
}

const named = (conversationId: string, tries = 0): UnneededConversation => ({
  id: 1,
  conversationId,
  user: question.user,
  tries,
});

/** Runs a round with these conversations. @returns the lines of the log, and how many were settled and are left. */
async function run(waiting: UnneededConversation[], deleteConversation: (id: string) => Promise<void>) {
  const lines: string[] = [];
  const add = (message: string) => void lines.push(message);
  let settled = 0;
  let rounds = 0;
  const cleanup = createConversationCleanup({
    store: {
      claim: async () => waiting.shift() ?? null,
      settle: async () => void (settled += 1),
    },
    upstream: {
      async deleteConversation(id) {
        rounds += 1;
        await deleteConversation(id);
      },
    },
    log: { info: add, warn: add, error: add },
  });
  const target = Math.min(waiting.length, 3);
  cleanup.start();
  await until(() => rounds >= target);
  await cleanup.stop();
  return { lines, settled, left: waiting.length };
}

describe('the cleanup of conversations', () => {
  it('deletes one in Dify, and settles one that Dify does not have', async () => {
    const id = await begin();
    const client = difyClient(difySettings(dify));
    const both = [named(id), named(id)];
    const done = await run(both, (one) => client.deleteConversation(one, question.user));
    expect(done).toEqual({ lines: [], settled: 2, left: 0 });
    expect(dify.conversations().at(-1)?.deleted).toBe(true);
  });

  it('keeps them while Dify fails, ends the round after three failures, and logs one line', async () => {
    const failure = new ChatError('upstream-unreachable');
    const done = await run(
      Array.from({ length: 5 }, () => named('some-id')),
      () => Promise.reject(failure),
    );
    const line = 'Dify did not delete a conversation: upstream-unreachable. It is tried again.';
    expect(done).toEqual({ lines: [line], settled: 0, left: 2 });
  });

  it('gives one up after a week, and names it', async () => {
    const failure = new ChatError('upstream-failed');
    const done = await run([named('some-id', maxTries - 1)], () => Promise.reject(failure));
    expect(done.settled).toBe(1);
    expect(done.lines.at(-1)).toBe('Dify did not delete conversation some-id for a week. Delete it in Dify.');
  });
});
