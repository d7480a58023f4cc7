import { createSearch } from '../../../src/chat/message/search';
import type { SearchWindow, SearchStore } from '../../../src/chat/ports/search-store';
import { thrown } from '../support/collect';
import { ada, message } from '../support/fixtures';

/** As many messages as `last` says, of which those with these ids are found. */
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

it('shows where the text stands, and how many there are', async () => {
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

describe('a user who has said much', () => {
  const last = 50_000;
  const found = [49_999, 45_000, 31_000, 30_001, 30_000, 12, 1];

  it('is searched in windows, up to a bound; the reply says that there may be more', async () => {
    const { ask, windows } = create({ last, found });
    const { data, meta } = await ask();
    expect(data.map(({ message_id }) => message_id)).toEqual([49_999, 45_000, 31_000, 30_001]);
    expect(meta.pagination).toMatchObject({ total: 4, pageCount: 1, isTotalExact: false });
    expect(meta.nextCursor).toEqual(expect.any(String));
    expect(windows).toHaveLength(10);
    expect(windows.every(({ size }) => size === 2_000)).toBe(true);
  });

  it('is told an exact total where that is just within the bound', async () => {
    const { ask } = create({ last: 20_000, found: upTo(20_000) });
    const { meta } = await ask({ page: '200', page_size: '100' });
    expect([meta.pagination?.total, meta.pagination?.isTotalExact, meta.nextCursor]).toEqual([
      20_000,
      true,
      null,
    ]);
  });

  it.each(['1', '2', '3', '100'])(
    'is found whole by its cursors, %s on a page, each hit once',
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

  it('is looked through no further than to fill a page of a cursor', async () => {
    const { ask, windows } = create({ last, found: upTo(last) });
    const { meta } = await ask({ page_size: '10' });
    windows.length = 0;
    const next = await ask({ page_size: '10', cursor: meta.nextCursor });
    expect(next.data.map(({ message_id }) => message_id)).toEqual(upTo(last).slice(10, 20));
    expect(next.meta).toEqual({ nextCursor: expect.any(String) });
    expect(windows).toEqual([{ before: 49_991, size: 2_000 }]);
  });

  it('has empty pages beyond what was looked through, with the way on', async () => {
    const { ask } = create({ last, found });
    const { data, meta } = await ask({ page: '9' });
    expect([data, meta.pagination?.total]).toEqual([[], 4]);
    const { data: rest } = await ask({ cursor: meta.nextCursor });
    expect(rest.map(({ message_id }) => message_id)).toEqual([30_000]);
  });
});

it('is over after some seconds, with the way on', async () => {
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

it('tells the database when the client has left', async () => {
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
])('refuses %j', async (params) => {
  const { search, windows } = create({ last: 1, found: [1] });
  expect(await thrown(search.search(ada, params))).toMatchObject({ code: 'invalid-request' });
  expect(windows).toEqual([]);
});
