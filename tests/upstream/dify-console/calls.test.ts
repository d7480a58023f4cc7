import type { Upstream } from '../../../src/chat/ports/upstream';
import { composeSuggestions } from '../../dify-emulator/answer';
import { until } from '../../chat/support/collect';
import { askDify, question } from '../../chat/support/dify';
import { createDifyEmulator, type DifyEmulator, type Profile } from '../../dify-emulator';
import { consoleUpstream, requestsTo } from './support/console';

const unknownId = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
const { user, query } = question;

describe.each<Profile>(['0.15', '1.x'])('a call of the console of Dify %s', (profile) => {
  let dify: DifyEmulator;
  let upstream: Upstream;

  beforeEach(async () => {
    const apps = [{ key: 'app-emulated-chat', mode: 'chat', suggestsQuestions: true }] as const;
    dify = await createDifyEmulator({ profile, apps }).listen();
    upstream = consoleUpstream(dify);
  });
  afterEach(() => dify.close());

  /** Asks one question, and returns its ids. */
  async function askOne(): Promise<{ messageId: string; conversationId: string }> {
    await askDify(upstream);
    const conversationId = dify.conversations().at(-1)?.id ?? '';
    return { conversationId, messageId: dify.messages(conversationId)[0]?.id ?? '' };
  }

  it('rates an answer, and removes the rating', async () => {
    const { messageId, conversationId } = await askOne();
    const feedback = () => dify.messages(conversationId)[0]?.feedback;
    await upstream.rate(messageId, { user, rating: 'like' });
    expect(feedback()).toBe('like');
    await upstream.rate(messageId, { user, rating: null });
    expect(feedback()).toBeNull();
  });

  it('rates no message that Dify does not have', async () => {
    await expect(upstream.rate(unknownId, { user, rating: 'like' })).resolves.toBeUndefined();
  });

  it('returns the suggested questions of an app that suggests them', async () => {
    const { messageId } = await askOne();
    expect(await upstream.suggestQuestions(messageId, user)).toEqual(composeSuggestions(query));
    expect(await upstream.suggestQuestions(unknownId, user)).toEqual([]);
  });

  it('deletes a conversation, also for the second time', async () => {
    const { conversationId } = await askOne();
    await upstream.deleteConversation(conversationId, user);
    await upstream.deleteConversation(conversationId, user);
    expect(dify.conversations().map(({ deleted }) => deleted)).toEqual([true]);
  });

  it('ends the deletion of a conversation by its signal', async () => {
    const { conversationId } = await askOne();
    const deletion = upstream.deleteConversation(conversationId, user, AbortSignal.abort());
    await expect(deletion).rejects.toMatchObject({ name: 'ChatError' });
  });

  it('accepts the stop of an unknown task', async () => {
    await expect(upstream.stop(unknownId, user)).resolves.toBeUndefined();
  });

  describe('finds the lost answer', () => {
    const lostIn = (conversationId: string | null, messageId?: string) => ({
      user,
      query,
      askedAt: new Date(),
      conversationId,
      messageId,
    });

    it('of a known conversation, by its id and by its words', async () => {
      dify.next({ name: 'eof-but-saved', after: 1, ms: 1 });
      const { messageId, conversationId } = await askOne();
      await dify.idle();
      const saved = () => dify.messages(conversationId)[0]?.answer;
      await until(() => saved() !== '');
      const found = { messageId, conversationId, answer: saved() };
      expect(await upstream.findLostAnswer(lostIn(conversationId, messageId))).toEqual(found);
      expect(await upstream.findLostAnswer(lostIn(conversationId))).toEqual(found);
      expect(await upstream.findLostAnswer(lostIn(conversationId), async () => true)).toBeNull();
    });

    it('not while it is empty', async () => {
      dify.next({ name: 'eof-after-deltas', after: 1 });
      const { messageId, conversationId } = await askOne();
      expect(await upstream.findLostAnswer(lostIn(conversationId, messageId))).toBeNull();
    });

    it('not without a conversation, because all users share the account', async () => {
      await askOne();
      expect(await upstream.findLostAnswer(lostIn(null))).toBeNull();
      expect(requestsTo(dify, '/chat-conversations')).toEqual([]);
    });
  });
});
