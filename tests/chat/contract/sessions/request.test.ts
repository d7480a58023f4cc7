import type { ChatError } from '../../../../src/chat/errors';
import {
  parseEdit,
  parseMessageTarget,
  parseNewMessage,
  parseNewTitle,
  parsePage,
  parseSelection,
  parseSessionFilter,
  parseSessionTarget,
  parseSessionWish,
  parseUserTarget,
} from '../../../../src/chat/contract/sessions/request';
import { thrown } from '../../support/collect';

async function refused(run: () => unknown): Promise<string> {
  const error = await thrown(run);
  expect(error).toMatchObject({ name: 'ChatError', code: 'invalid-request' });
  return (error as ChatError).message;
}

describe('parsePage', () => {
  const first = { page: 1, pageSize: 20, range: { limit: 20, offset: 0 } };

  it.each([
    undefined,
    null,
    {},
    { page: null },
    { page_size: null },
    { pageSize: null },
    { page: null, page_size: null, pageSize: null },
  ])('returns the first page of the default size for %j', (params) => {
    expect(parsePage(params, 20)).toEqual(first);
  });

  it('reads page, and page_size or pageSize, as numbers and as text', () => {
    const second = { page: 2, pageSize: 5, range: { limit: 5, offset: 5 } };
    expect(parsePage({ page: 2, page_size: 5 }, 20)).toEqual(second);
    expect(parsePage({ page: '2', pageSize: '5' }, 20)).toEqual(second);
    expect(parsePage({ page: 2, page_size: null, pageSize: 5 }, 20)).toEqual(second);
  });

  it('limits a page to 100 entries', () => {
    for (const size of [101, '5000', 1_000_001, '1e30']) {
      for (const params of [{ page_size: size }, { pageSize: size }]) {
        expect(parsePage(params, 20)).toMatchObject({ pageSize: 100, range: { limit: 100 } });
      }
    }
  });

  it.each([
    [{ page: 0 }, 'page must be at least 1.'],
    [{ page_size: -1 }, 'page_size must be at least 1.'],
    [{ page: 1.5 }, 'page must be a whole number.'],
    [{ pageSize: 'x' }, 'pageSize must be a number.'],
    [{ page: 1_000_001 }, 'page can be at most 1000000.'],
  ])('rejects %j', async (params, sentence) => {
    expect(await refused(() => parsePage(params, 20))).toBe(sentence);
  });
});

describe('parseSelection', () => {
  it('selects by default the branch in use, oldest first', () => {
    const inUse = { withSuperseded: false, newestFirst: false };
    expect(parseSelection({})).toEqual(inUse);
    expect(parseSelection(undefined)).toEqual(inUse);
  });

  it.each([
    ['asc', false],
    ['ASC', false],
    ['desc', true],
    ['DESC', true],
    ['Desc', true],
  ])('reads the order %s', (order, newestFirst) => {
    expect(parseSelection({ order })).toEqual({ withSuperseded: false, newestFirst });
  });

  it.each(['', 'descending', 'dsc', 'de\u017fc', ' desc', ['asc', 'desc'], { $eq: 'desc' }])(
    'rejects the order %j',
    async (order) => {
      expect(await refused(() => parseSelection({ order }))).toBe('order must be asc or desc.');
    },
  );

  it('leaves out superseded messages unless they are requested, and rejects other values', async () => {
    expect(parseSelection({})).toMatchObject({ withSuperseded: false });
    expect(parseSelection({ superseded: 'false' })).toMatchObject({ withSuperseded: false });
    expect(parseSelection({ superseded: 'true' })).toMatchObject({ withSuperseded: true });
    expect(await refused(() => parseSelection({ superseded: 'no' }))).toBe(
      'superseded must be true or false.',
    );
  });
});

describe('parseNewTitle', () => {
  it('returns the title, and the default title for null and for a title that shows nothing', () => {
    expect(parseNewTitle({ new_title: ' Winter ' })).toBe('Winter');
    for (const blank of [null, '', ' \n', '\u200b\u2060']) {
      expect(parseNewTitle({ new_title: blank })).toBe('新会话');
    }
  });

  it.each([undefined, null, {}, { title: 'Winter' }, { new_tilte: 'Winter' }])(
    'refuses %j, which names no title',
    async (body) => {
      expect(await refused(() => parseNewTitle(body))).toMatch(
        /new_title must be text|must be \{"new_title": …\}/u,
      );
    },
  );
});

describe('parseNewMessage and parseEdit', () => {
  const settings = { maxQueryChars: 20, maxInputsChars: 100, maxFiles: 2 };

  it('refuse a text that shows nothing', async () => {
    const text = '\u200b\u00ad\u3164\u2800\ufeff';
    const message = { session_id: 's', content: text };
    expect(await refused(() => parseNewMessage(message, settings))).toBe('content is empty.');
    expect(await refused(() => parseEdit({ new_content: text }, settings))).toBe('new_content is empty.');
  });
});

describe('parseSessionFilter', () => {
  it('reads character_id as a number or as text, and replaces what no database stores', () => {
    expect(parseSessionFilter({ character_id: 7 })).toEqual({ character: '7' });
    expect(parseSessionFilter({ character_id: 'a\0b' })).toEqual({ character: 'a\uFFFDb' });
  });

  it.each([undefined, null, {}, { character_id: null }])('selects all sessions for %j', (params) => {
    expect(parseSessionFilter(params)).toEqual({ character: undefined });
  });
});

describe('the arguments of the services', () => {
  const uuid = '123E4567-E89B-12D3-A456-426614174000';

  it('name a session in any case, and its owner by any id', () => {
    expect(parseSessionTarget({ session_id: uuid, user_id: 7 })).toEqual({
      sessionId: uuid.toLowerCase(),
      userId: '7',
    });
    expect(parseSessionTarget({ session_id: 'Conversation', user_id: null })).toEqual({
      sessionId: 'Conversation',
      userId: undefined,
    });
  });

  it('name a message by its number or its public id', () => {
    expect(parseMessageTarget({ message_id: 7 })).toEqual({ reference: { id: 7 }, userId: undefined });
    expect(parseMessageTarget({ message_id: 'msg_1_a', user_id: 'ada' })).toEqual({
      reference: { messageId: 'msg_1_a' },
      userId: 'ada',
    });
  });

  it('describe a new session', () => {
    expect(parseSessionWish({ user_id: 1, session_id: uuid, title: ' Winter ', character_id: 7 })).toEqual({
      userId: '1',
      sessionId: uuid.toLowerCase(),
      title: 'Winter',
      characterId: '7',
    });
  });

  it.each<[() => unknown, string]>([
    [() => parseUserTarget({}), 'user_id must be an id.'],
    [() => parseUserTarget(undefined), 'body Invalid input'],
    [() => parseSessionTarget({ session_id: '' }), 'session_id must be the id of a session.'],
    [() => parseSessionTarget({ session_id: 'x'.repeat(256) }), 'session_id is too long to be an id.'],
    [() => parseMessageTarget({ message_id: true }), 'message_id must be an id.'],
    [() => parseSessionWish({ user_id: 1, session_id: 'x' }), 'session_id must be a UUID.'],
  ])('are refused by name: %#', async (run, sentence) => {
    expect(await refused(run)).toContain(sentence);
  });
});
