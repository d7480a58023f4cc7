import type { DifySettings } from '../../../src/chat/settings';
import type { LostAnswer } from '../../../src/chat/ports/upstream';
import { createDifyEmulator, type DifyEmulator, type DifyEmulatorOptions } from '../../dify-emulator';
import { thrown } from '../../chat/support/collect';
import { askDify, difyClient, difySettings, question } from '../../chat/support/dify';

let dify: DifyEmulator;

async function start(options: DifyEmulatorOptions = {}): Promise<void> {
  dify = await createDifyEmulator({ titleDelayMs: 1, ...options }).listen();
}

beforeEach(() => start());

afterEach(async () => {
  await dify.idle();
  await dify.close();
});

function client(overrides: Partial<DifySettings> = {}) {
  return difyClient(difySettings(dify, overrides));
}

interface Asked {
  readonly messageId: string;
  readonly conversationId: string;
  readonly answer: string;
  /** When Dify noted it. */
  readonly at: Date;
}

/** Asks and reads to the end, whatever the end is. @returns what Dify has saved of it. */
async function ask(
  query: string,
  conversationId: string | null = null,
  user = question.user,
): Promise<Asked> {
  await askDify(client(), { query, conversationId, user });
  const conversation = conversationId ?? dify.conversations().at(-1)?.id ?? '';
  const message = dify.messages(conversation).at(-1);
  if (message === undefined) throw new Error('Dify has saved nothing.');
  const { id: messageId, answer, createdAt } = message;
  return { messageId, conversationId: conversation, answer, at: new Date(createdAt * 1000) };
}

function find(lost: Partial<LostAnswer>, isKnown?: (messageId: string) => Promise<boolean>) {
  const usual = { user: question.user, query: 'One?', askedAt: new Date(), conversationId: null };
  return client().findLostAnswer({ ...usual, ...lost }, isKnown);
}

function after(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1000);
}

const paths = () => dify.requests.filter(({ method }) => method === 'GET').map(({ path }) => path);

describe('findLostAnswer', () => {
  describe('by its message id', () => {
    it('finds the answer, whatever the words and the time', async () => {
      const { at: _at, ...found } = await ask('One?');
      const { messageId, conversationId } = found;
      await ask('One?', conversationId);
      const lost = { messageId, conversationId, query: 'Something else', askedAt: new Date(0) };
      const asked = paths().length;
      expect(await find(lost)).toEqual(found);
      expect(paths().slice(asked)).toEqual([
        `/v1/messages?conversation_id=${conversationId}&user=user-ada&limit=5`,
      ]);
    });

    it('finds nothing while there is none, and for a message Dify does not know', async () => {
      dify.next('eof-after-deltas');
      const { messageId, conversationId } = await ask('One?');
      expect(await find({ messageId, conversationId })).toBeNull();
      expect(await find({ messageId: 'another', conversationId })).toBeNull();
    });

    it('finds nothing else, though the words fit', async () => {
      const { conversationId } = await ask('One?');
      expect(await find({ messageId: 'another', conversationId })).toBeNull();
    });

    it('finds its conversation, where only that was lost', async () => {
      const { at: _at, ...found } = await ask('One?');
      await ask('One?');
      expect(await find({ messageId: found.messageId })).toEqual(found);
    });
  });

  describe('in its conversation', () => {
    it('finds the newest question with these words', async () => {
      const { conversationId } = await ask('One?');
      const { at: _at, ...found } = await ask('One?', conversationId);
      await ask('Two?', conversationId);
      expect(await find({ conversationId })).toEqual(found);
      expect(await find({ conversationId, query: 'one?' })).toBeNull();
      expect(await find({ conversationId, query: 'One? ' })).toBeNull();
    });

    it('passes over those of other turns, which may have asked the same later', async () => {
      const { at: _at, ...found } = await ask('One?');
      const { conversationId } = found;
      const later = await ask('One?', conversationId);
      const isLater = async (messageId: string) => messageId === later.messageId;
      expect(await find({ conversationId }, isLater)).toEqual(found);
      expect(await find({ conversationId }, async () => true)).toBeNull();
    });

    it('asks nothing about the message it knows by its id', async () => {
      const { at: _at, ...found } = await ask('One?');
      const { conversationId, messageId } = found;
      expect(await find({ conversationId, messageId }, async () => true)).toEqual(found);
    });

    it('compares the words as Dify saves them: without NUL', async () => {
      const { conversationId, answer } = await ask('a\0b');
      expect(await find({ conversationId, query: 'a\0b' })).toMatchObject({ answer });
    });

    it.each([
      [-29, true],
      [0, true],
      [5, true],
      [6, false],
      [-31, false],
    ])('asked %d s after Dify noted it: %s', async (seconds, isFound) => {
      const { conversationId, at } = await ask('One?');
      const found = await find({ conversationId, askedAt: after(at, seconds) });
      expect(found !== null).toBe(isFound);
    });

    it('finds no answer that is empty or has failed, nor an older one instead', async () => {
      const { conversationId } = await ask('One?');
      dify.next('eof-after-deltas');
      await ask('One?', conversationId);
      expect(await find({ conversationId })).toBeNull();
      dify.next('error-after-deltas');
      await ask('One?', conversationId);
      expect(await find({ conversationId })).toBeNull();
    });

    it('says that the conversation is gone, also where it is another user’s', async () => {
      const { conversationId } = await ask('One?', null, 'user-bob');
      expect(await thrown(find({ conversationId }))).toMatchObject({ code: 'upstream-conversation-gone' });
    });
  });

  describe('without a conversation', () => {
    it.each(['0.15', '1.x'] as const)('finds the one that began with it (Dify %s)', async (profile) => {
      await dify.close();
      await start({ profile });
      await ask('Two?');
      const { at: _at, ...found } = await ask('One?');
      await ask('Three?');
      expect(await find({})).toEqual(found);
    });

    it('looks only into conversations begun at that time, and only the user’s', async () => {
      const { at } = await ask('One?');
      await ask('One?', null, 'user-bob');
      dify.requests.splice(0);
      expect(await find({ askedAt: after(at, 20) })).toBeNull();
      expect(await find({ askedAt: after(at, -60) })).toBeNull();
      expect(await find({ user: 'user-cat' })).toBeNull();
      expect(paths()).toEqual([
        '/v1/conversations?user=user-ada&sort_by=-created_at&limit=20',
        '/v1/conversations?user=user-ada&sort_by=-created_at&limit=20',
        '/v1/conversations?user=user-cat&sort_by=-created_at&limit=20',
      ]);
    });

    it('passes over one that another turn began', async () => {
      const { at: _at, ...found } = await ask('One?');
      const later = await ask('One?');
      expect(await find({}, async (messageId) => messageId === later.messageId)).toEqual(found);
    });

    it('takes neither of two that could be meant, though one of them has no answer', async () => {
      await ask('One?');
      dify.next('eof-after-deltas');
      await ask('One?');
      expect(await find({})).toBeNull();
    });
  });

  it('says how Dify could not be asked', async () => {
    const lost = { user: 'user-ada', query: 'One?', askedAt: new Date(), conversationId: null };
    expect(await thrown(client({ apiKey: 'app-wrong' }).findLostAnswer(lost))).toMatchObject({
      code: 'upstream-misconfigured',
    });
  });
});
