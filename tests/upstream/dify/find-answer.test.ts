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
  /** When Dify saved the question. */
  readonly at: Date;
}

/** Asks Dify and reads the reply to its end, even if it fails. @returns the message that Dify saved. */
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
    it('finds the answer regardless of its text and time', async () => {
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

    it('finds nothing for a message without an answer and for an unknown message', async () => {
      dify.next('eof-after-deltas');
      const { messageId, conversationId } = await ask('One?');
      expect(await find({ messageId, conversationId })).toBeNull();
      expect(await find({ messageId: 'another', conversationId })).toBeNull();
    });

    it('finds no other message with the same text', async () => {
      const { conversationId } = await ask('One?');
      expect(await find({ messageId: 'another', conversationId })).toBeNull();
    });

    it('finds the conversation of the message if that is unknown', async () => {
      const { at: _at, ...found } = await ask('One?');
      await ask('One?');
      expect(await find({ messageId: found.messageId })).toEqual(found);
    });
  });

  describe('in its conversation', () => {
    it('finds the newest question with the same text', async () => {
      const { conversationId } = await ask('One?');
      const { at: _at, ...found } = await ask('One?', conversationId);
      await ask('Two?', conversationId);
      expect(await find({ conversationId })).toEqual(found);
      expect(await find({ conversationId, query: 'one?' })).toBeNull();
      expect(await find({ conversationId, query: 'One? ' })).toBeNull();
    });

    it('skips the messages of other turns, which may have asked the same later', async () => {
      const { at: _at, ...found } = await ask('One?');
      const { conversationId } = found;
      const later = await ask('One?', conversationId);
      const isLater = async (messageId: string) => messageId === later.messageId;
      expect(await find({ conversationId }, isLater)).toEqual(found);
      expect(await find({ conversationId }, async () => true)).toBeNull();
    });

    it('does not call isKnown if it has the message id', async () => {
      const { at: _at, ...found } = await ask('One?');
      const { conversationId, messageId } = found;
      expect(await find({ conversationId, messageId }, async () => true)).toEqual(found);
    });

    it('compares the text as Dify saves it: without NUL', async () => {
      const { conversationId, answer } = await ask('a\0b');
      expect(await find({ conversationId, query: 'a\0b' })).toMatchObject({ answer });
    });

    it.each([
      [-29, true],
      [0, true],
      [5, true],
      [6, false],
      [-31, false],
    ])('with askedAt %d s after Dify saved the question, finds it: %s', async (seconds, isFound) => {
      const { conversationId, at } = await ask('One?');
      const found = await find({ conversationId, askedAt: after(at, seconds) });
      expect(found !== null).toBe(isFound);
    });

    it('finds no empty or failed answer, and no older answer instead', async () => {
      const { conversationId } = await ask('One?');
      dify.next('eof-after-deltas');
      await ask('One?', conversationId);
      expect(await find({ conversationId })).toBeNull();
      dify.next('error-after-deltas');
      await ask('One?', conversationId);
      expect(await find({ conversationId })).toBeNull();
    });

    it('throws upstream-conversation-gone for the conversation of another user', async () => {
      const { conversationId } = await ask('One?', null, 'user-bob');
      expect(await thrown(find({ conversationId }))).toMatchObject({ code: 'upstream-conversation-gone' });
    });
  });

  describe('without a conversation', () => {
    it.each(['0.15', '1.x'] as const)(
      'finds the conversation that began with the question (Dify %s)',
      async (profile) => {
        await dify.close();
        await start({ profile });
        await ask('Two?');
        const { at: _at, ...found } = await ask('One?');
        await ask('Three?');
        expect(await find({})).toEqual(found);
      },
    );

    it('reads only conversations of the user that began at that time', async () => {
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

    it('skips a conversation that another turn began', async () => {
      const { at: _at, ...found } = await ask('One?');
      const later = await ask('One?');
      expect(await find({}, async (messageId) => messageId === later.messageId)).toEqual(found);
    });

    it('returns neither of two possible conversations, even if one of them has no answer', async () => {
      await ask('One?');
      dify.next('eof-after-deltas');
      await ask('One?');
      expect(await find({})).toBeNull();
    });
  });

  it('throws the error of a failed call to Dify', async () => {
    const lost = { user: 'user-ada', query: 'One?', askedAt: new Date(), conversationId: null };
    expect(await thrown(client({ apiKey: 'app-wrong' }).findLostAnswer(lost))).toMatchObject({
      code: 'upstream-misconfigured',
    });
  });
});
