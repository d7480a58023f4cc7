import { createSearch } from '../../src/chat/search';
import { ada, message } from './support/fixtures';

const hit = { message: message(), title: 'The sea' };

function create() {
  const asked: unknown[] = [];
  const search = createSearch({
    async search(owner, text, range) {
      asked.push([owner, text, range]);
      return { items: [hit], total: 41 };
    },
  });
  return { asked, search };
}

it('asks for a page, and shows where the text stands', async () => {
  const { asked, search } = create();
  expect(await search.search(ada, { q: 'calm', page: '3', page_size: '10' })).toEqual({
    data: [
      {
        message_id: 1,
        public_id: 'msg-1',
        session_id: 'session-1',
        title: 'The sea',
        turn_id: 'turn-1',
        role: 'assistant',
        outcome: 'completed',
        highlights: [
          { text: 'Calm', isMatch: true },
          { text: '.', isMatch: false },
        ],
        created_at: '2026-01-02T03:04:05.678Z',
      },
    ],
    meta: { pagination: { page: 3, pageSize: 10, pageCount: 5, total: 41 } },
  });
  expect(asked).toEqual([[ada, 'calm', { limit: 10, offset: 20 }]]);
});

it.each([{}, { q: '' }, { q: ' ' }, { q: 'x'.repeat(201) }, { q: ['x'] }, { q: 'x', page: '0' }, undefined])(
  'refuses %j',
  async (params) => {
    const { asked, search } = create();
    await expect(search.search(ada, params)).rejects.toMatchObject({ code: 'invalid-request' });
    expect(asked).toEqual([]);
  },
);
