import { createSearch } from '../../../src/chat/message/search';
import type { SearchWindow, SearchStore } from '../../../src/chat/ports/search-store';
import { thrown } from '../support/collect';
import { ada, message } from '../support/fixtures';

/** Creates a search over messages with the ids 1 to `last`. The text matches those in `found`. */
function create({
  last,
  found,
  ...changes
}: { last: number; found: readonly number[] } & Partial<SearchStore>) {
  const windows: SearchWindow[] = [];
  let clock = 0;
  const search = createSearch(
    {
      async searchWindow(_owner, _text, window) {
        windows.push(window);
        const newest = Math.min(last, window.before - 1);
        const end = newest - window.size + 1;
        const ids = found.filter((id) => id <= newest && id >= end).sort((a, b) => b - a);
        return { ids, end: end <= 1 ? null : end };
      },
      findHits: async (_owner, ids) => ids.map((id) => ({ message: message({ id }), title: 'The sea' })),
      ...changes,
    },
    () => clock,
  );
  const ask = (params: object = {}) => search.search(ada, { q: 'calm', ...params });
  const ids = async (params: object) => (await ask(params)).data.map(({ message_id }) => message_id);
  return { windows, search, ask, ids, pass: (ms: number) => void (clock += ms) };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => count - index);

it('a search returns highlighted matches and their total number', async () => {
  const { ask } = create({ last: 41, found: upTo(41) });
  const { data, meta } = await ask({ page: '3', page_size: '20' });
  expect(data).toEqual([
    {
      message_id: 1,
      public_id: 'msg-1',
      session_id: 'session-1',
      title: 'The sea',
      turn_id: 'turn-1',
      role: 'assistant',
      outcome: 'completed',
      is_superseded: false,
      highlights: [
        { text: 'Calm', isMatch: true },
        { text: '.', isMatch: false },
      ],
      created_at: '2026-01-02T03:04:05.678Z',
    },
  ]);
  const pagination = { page: 3, pageSize: 20, pageCount: 3, total: 41, isTotalExact: true };
  expect(meta).toEqual({ pagination, nextCursor: null });
});

describe('a search through many messages', () => {
  const last = 50_000;
  const found = [49_999, 45_000, 31_000, 30_001, 30_000, 12, 1];

  it('reads windows up to a limit, and reports that more matches may exist', async () => {
    const { ask, windows } = create({ last, found });
    const { data, meta } = await ask();
    expect(data.map(({ message_id }) => message_id)).toEqual([49_999, 45_000, 31_000, 30_001]);
    expect(meta.pagination).toMatchObject({ total: 4, pageCount: 1, isTotalExact: false });
    expect(meta.nextCursor).toEqual(expect.any(String));
    expect(windows).toHaveLength(10);
    expect(windows.every(({ size }) => size === 2_000)).toBe(true);
  });

  it('reports an exact total number that is just within the limit', async () => {
    const { ask } = create({ last: 20_000, found: upTo(20_000) });
    const { meta } = await ask({ page: '200', page_size: '100' });
    expect([meta.pagination?.total, meta.pagination?.isTotalExact, meta.nextCursor]).toEqual([
      20_000,
      true,
      null,
    ]);
  });

  it.each(['1', '2', '3', '100'])(
    'returns each match once by its cursors, with a page size of %s',
    async (size) => {
      const { ask } = create({ last, found });
      const all: number[] = [];
      let cursor: string | null | undefined;
      do {
        const { data, meta } = await ask({ page_size: size, cursor });
        all.push(...data.map(({ message_id }) => message_id));
        cursor = meta.nextCursor;
      } while (cursor !== null);
      expect(all).toEqual(found);
    },
  );

  it('reads only what it needs to fill a page of a cursor', async () => {
    const { ask, windows } = create({ last, found: upTo(last) });
    const { meta } = await ask({ page_size: '10' });
    windows.length = 0;
    const next = await ask({ page_size: '10', cursor: meta.nextCursor });
    expect(next.data.map(({ message_id }) => message_id)).toEqual(upTo(last).slice(10, 20));
    expect(next.meta).toEqual({ nextCursor: expect.any(String) });
    expect(windows).toEqual([{ before: 49_991, size: 2_000 }]);
  });

  it('returns an empty page with a cursor beyond the messages that it has read', async () => {
    const { ask } = create({ last, found });
    const { data, meta } = await ask({ page: '9' });
    expect([data, meta.pagination?.total]).toEqual([[], 4]);
    const { data: rest } = await ask({ cursor: meta.nextCursor });
    expect(rest.map(({ message_id }) => message_id)).toEqual([30_000]);
  });
});

it('a search ends after some seconds, with a cursor', async () => {
  const created = create({
    last: 100,
    found: [],
    async searchWindow(_owner, _text, { before, size }) {
      created.pass(3_000);
      return { ids: [before], end: before - size };
    },
  });
  const { data, meta } = await created.ask();
  expect([data.length, meta.pagination?.isTotalExact, meta.nextCursor]).toEqual([
    2,
    false,
    expect.any(String),
  ]);
});

it('a search passes the signal of the client to the store', async () => {
  const { search, windows } = create({ last: 1, found: [1] });
  const { signal } = new AbortController();
  await search.search(ada, { q: 'calm' }, signal);
  expect(windows.map((window) => window.signal)).toEqual([signal]);
});

it.each([
  {},
  { q: '' },
  { q: ' ' },
  { q: 'x'.repeat(201) },
  { q: ['x'] },
  { q: 'x', page: '0' },
  { q: 'x', cursor: '' },
  { q: 'x', cursor: 'x' },
  { q: 'x', cursor: Buffer.from('2147483648').toString('base64url') },
  { q: 'x', cursor: Buffer.from('-1').toString('base64url') },
  { q: 'x', cursor: 'MTAw'.repeat(9) },
  { q: 'x', cursor: ['MTAw'] },
  { q: 'x', cursor: 'MTAw', page: '2' },
  undefined,
])('a search rejects %j', async (params) => {
  const { search, windows } = create({ last: 1, found: [1] });
  expect(await thrown(search.search(ada, params))).toMatchObject({ code: 'invalid-request' });
  expect(windows).toEqual([]);
});
