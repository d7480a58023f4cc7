import type { ChatError } from '../../../../src/chat/errors';
import { encodeCursor, parseMessagePageRequest } from '../../../../src/chat/contract/messages/query';
import { thrown } from '../../support/collect';

const place = { createdAt: new Date('2026-01-02T03:04:05.678Z'), id: 42 };

async function refused(params: Readonly<Record<string, unknown>>): Promise<string> {
  const error = await thrown(() => parseMessagePageRequest(params));
  expect(error).toMatchObject({ name: 'ChatError', code: 'invalid-request' });
  return (error as ChatError).message;
}

const query = (params: Readonly<Record<string, unknown>>) => parseMessagePageRequest(params).query;

describe('parseMessagePageRequest', () => {
  it('returns by default the first page of twenty, newest first', () => {
    expect(parseMessagePageRequest({})).toEqual({
      part: { page: 1, pageSize: 20 },
      query: { filter: null, sort: [], offset: 0, limit: 20, cursor: null },
    });
  });

  it('reads page and pageSize in either place, and prefers the root', () => {
    expect(parseMessagePageRequest({ page: '3', pageSize: '10' })).toMatchObject({
      part: { page: 3, pageSize: 10 },
      query: { offset: 20, limit: 10 },
    });
    expect(query({ pagination: { page: '3', pageSize: '10', withCount: 'true' } })).toMatchObject({
      offset: 20,
      limit: 10,
    });
    expect(query({ page: '2', pagination: { page: '3', pageSize: '10' } })).toMatchObject({ offset: 10 });
  });

  it('reads start and limit, which need not match whole pages', () => {
    expect(parseMessagePageRequest({ pagination: { start: '3', limit: '10' } })).toMatchObject({
      part: { start: 3, limit: 10 },
      query: { offset: 3, limit: 10 },
    });
    expect(parseMessagePageRequest({ pagination: { start: '0' } }).part).toEqual({ start: 0, limit: 20 });
    for (const limit of ['101', '1000001', '9'.repeat(400)]) {
      expect(parseMessagePageRequest({ pagination: { limit } }).part).toEqual({ start: 0, limit: 100 });
    }
  });

  it.each([
    { page: '1', pagination: { start: '0' } },
    { pageSize: '5', pagination: { limit: '5' } },
    { pagination: { page: '1', limit: '5' } },
    { pagination: { start: '0', limit: '5', pageSize: '5' } },
  ])('rejects a mix of pages and start or limit: %j', async (params) => {
    expect(await refused(params)).toContain('not both');
  });

  it('limits a page to 100 messages', () => {
    expect(query({ pageSize: '100' }).limit).toBe(100);
    expect(parseMessagePageRequest({ pageSize: '5000' })).toMatchObject({
      part: { pageSize: 100 },
      query: { limit: 100 },
    });
  });

  it.each([
    [{ page: '0' }, 'page'],
    [{ page: '-1' }, 'page'],
    [{ page: '1.5' }, 'page'],
    [{ page: 'x' }, 'page'],
    [{ page: '' }, 'page'],
    [{ page: '1e3' }, 'page'],
    [{ page: ['1', '2'] }, 'page'],
    [{ page: '1000001' }, 'page'],
    [{ page: '9'.repeat(30) }, 'page'],
    [{ pageSize: '0' }, 'pageSize'],
    [{ pageSize: { $gt: '1' } }, 'pageSize'],
    [{ pagination: { pageSize: '0' } }, 'pageSize'],
    [{ pagination: { start: '-1' } }, 'pagination[start] must be a whole number from 0'],
    [{ pagination: { start: '1.5' } }, 'pagination[start]'],
    [{ pagination: { start: '' } }, 'pagination[start]'],
    [{ pagination: { start: ['1', '2'] } }, 'pagination[start]'],
    [{ pagination: { start: '100000001' } }, 'pagination[start]'],
    [{ pagination: { limit: '0' } }, 'pagination[limit] must be a whole number from 1.'],
    [{ pagination: { limit: '-1' } }, 'pagination[limit]'],
    [{ pagination: { limit: 'x' } }, 'pagination[limit]'],
    [{ pagination: { start: '1', x: '1' } }, 'pagination takes'],
    [{ pagination: 'x' }, 'pagination'],
    [{ sort: 'password' }, 'sort'],
    [{ sort: 'createdAt:up' }, 'sort'],
    [{ sort: 'createdAt:asc:desc' }, 'sort'],
    [{ sort: { createdAt: 'up' } }, 'sort'],
    [{ sort: 'user.password' }, 'sort'],
    [{ sort: null }, 'sort'],
    [{ sort: Array.from({ length: 12 }, () => 'id') }, 'sort'],
    [{ filters: { password: 'x' } }, 'filters[password]'],
    [{ filters: 'x' }, 'filters'],
    [{ cursor: 'bogus' }, 'cursor'],
    [{ cursor: '' }, 'cursor'],
    [{ cursor: ['a'] }, 'cursor'],
    [{ cursor: Buffer.from('1.2147483648').toString('base64url') }, 'cursor'],
    [{ cursor: Buffer.from('1.2 ').toString('base64url') }, 'cursor'],
    [{ user_id: '7' }, '"user_id"'],
    [{ _q: 'sea' }, '"_q"'],
  ])('rejects %j with a sentence that contains: %s', async (params, name) => {
    expect(await refused(params)).toContain(name);
  });

  it('ignores populate and fields', () => {
    expect(query({ populate: '*', fields: ['password'] })).toEqual(query({}));
  });

  it.each<[unknown, readonly unknown[]]>([
    ['createdAt', [{ field: 'createdAt', descending: false }]],
    ['createdAt:asc', [{ field: 'createdAt', descending: false }]],
    ['createdAt:DESC', [{ field: 'createdAt', descending: true }]],
    [' createdAt : desc , id:asc', [desc('createdAt'), { field: 'id', descending: false }]],
    [
      ['createdAt:desc', 'id'],
      [desc('createdAt'), { field: 'id', descending: false }],
    ],
    [{ 0: 'createdAt:desc', 1: 'id:desc' }, [desc('createdAt'), desc('id')]],
    [{ createdAt: 'desc' }, [desc('createdAt')]],
    [{ 0: { createdAt: 'desc' }, 1: { id: 'desc' } }, [desc('createdAt'), desc('id')]],
    [[{ createdAt: 'desc' }], [desc('createdAt')]],
    ['', []],
    [',', []],
  ])('sorts by %j', (sort, keys) => {
    expect(query({ sort }).sort).toEqual(keys);
  });

  it('reads filters, and treats an empty text as no filter', () => {
    expect(query({ filters: { role: 'user' } }).filter).toMatchObject({ kind: 'all' });
    expect(query({ filters: '' }).filter).toBeNull();
  });

  it('allows filters by the ids of session, character and user, but not by private fields', async () => {
    for (const filters of [
      { session: '1' },
      { ai_character: '1' },
      { user: '1' },
      { user: { documentId: 'x' } },
    ]) {
      expect(query({ filters }).filter).not.toBeNull();
    }
    for (const name of ['password', 'email', 'username', 'resetPasswordToken']) {
      expect(await refused({ filters: { user: { [name]: 'x' } } })).toContain(name);
    }
    expect(await refused({ filters: { ai_character: { prompt: { $contains: 'x' } } } })).toContain('prompt');
  });

  it('continues from a cursor', () => {
    expect(query({ cursor: encodeCursor(place), pageSize: '5' })).toEqual({
      filter: null,
      sort: [],
      offset: 0,
      limit: 5,
      cursor: place,
    });
  });

  it('rejects a cursor with a sort or a page', async () => {
    const cursor = encodeCursor(place);
    expect(await refused({ cursor, sort: 'id' })).toContain('cursor');
    expect(await refused({ cursor, page: '2' })).toContain('cursor');
    expect(await refused({ cursor, pagination: { start: '1' } })).toContain('cursor');
    expect(query({ cursor, page: '1', sort: '' }).cursor).toEqual(place);
    expect(query({ cursor, pagination: { start: '0', limit: '5' } })).toMatchObject({
      cursor: place,
      limit: 5,
    });
  });

  it('rejects a long unknown parameter with a short and well-formed sentence', async () => {
    const sentence = await refused({ [`\ud83d${'x'.repeat(5_000)}`]: '1' });
    expect(sentence.length).toBeLessThan(200);
    expect(sentence.isWellFormed()).toBe(true);
  });
});

describe('encodeCursor', () => {
  it('returns a text that needs no encoding in a URL', () => {
    expect(encodeCursor(place)).toMatch(/^[\w-]+$/u);
  });
});

function desc(field: string) {
  return { field, descending: true };
}
