import type { Exchange } from '../../../src/chat/ports/upstream';
import { estimateTokens } from '../../../src/chat/model/estimate-tokens';
import { toMessages } from '../../../src/upstream/openai/messages';

const asked = { prompt: 'You are Ada.', query: 'Now?' };

/** Yields numbered exchanges, newest first, and counts how many are read. */
function numbered(count: number, read: { count: number; hasEnded: boolean }) {
  return async function* (): AsyncGenerator<Exchange> {
    try {
      for (let nth = count; nth > 0; nth -= 1) {
        read.count += 1;
        yield { question: `Q${nth}`, answer: `A${nth}` };
      }
    } finally {
      read.hasEnded = true;
    }
  };
}

const contentsOf = async (...args: Parameters<typeof toMessages>) =>
  (await toMessages(...args)).map(({ content }) => content);

describe('toMessages', () => {
  const perExchange = estimateTokens('Q1') + estimateTokens('A1');

  it('sends the prompt and the question if there is no earlier exchange', async () => {
    expect(await toMessages(asked, 1_000)).toEqual([
      { role: 'system', content: 'You are Ada.' },
      { role: 'user', content: 'Now?' },
    ]);
  });

  it.each([
    [2 * perExchange, ['Q8', 'A8', 'Q9', 'A9']],
    [2 * perExchange - 1, ['Q9', 'A9']],
    [perExchange - 1, []],
    [0, []],
  ])('sends the newest exchanges within %d tokens, the oldest first', async (budget, earlier) => {
    const read = { count: 0, hasEnded: false };
    const contents = await contentsOf({ ...asked, earlier: numbered(9, read) }, budget);
    expect(contents).toEqual(['You are Ada.', ...earlier, 'Now?']);
  });

  it('reads no exchange after the first one that exceeds the budget', async () => {
    const read = { count: 0, hasEnded: false };
    await toMessages({ ...asked, earlier: numbered(9, read) }, 2 * perExchange);
    expect(read).toEqual({ count: 3, hasEnded: true });
  });

  it('reads nothing without a budget', async () => {
    const read = { count: 0, hasEnded: false };
    await toMessages({ ...asked, earlier: numbered(9, read) }, 0);
    expect(read.count).toBe(0);
  });

  it('leaves no gap: it sends no exchange that is older than one over the budget', async () => {
    const earlier = async function* () {
      yield { question: 'new', answer: 'new' };
      yield { question: 'long', answer: 'x'.repeat(10_000) };
      yield { question: 'old', answer: 'old' };
    };
    expect(await contentsOf({ ...asked, earlier }, 1_000)).toEqual(['You are Ada.', 'new', 'new', 'Now?']);
  });

  it('leaves out a question without an answer', async () => {
    const earlier = async function* () {
      yield { question: 'failed', answer: '' };
      yield { question: 'Who?', answer: 'Ada.' };
    };
    expect(await contentsOf({ ...asked, earlier }, 1_000)).toEqual(['You are Ada.', 'Who?', 'Ada.', 'Now?']);
  });
});

describe('toMessages of a question with images', () => {
  const files = [
    { type: 'image', transfer_method: 'local_file', upload_file_id: 'file-1' },
    { type: 'image', transfer_method: 'remote_url', url: 'https://cdn.example/sea.png' },
  ] as const;

  it('sends kept images as data and others as addresses', async () => {
    const readFile = async (id: string) => ({
      mimeType: 'image/png',
      base64: Buffer.from(id).toString('base64'),
    });
    const messages = await toMessages({ ...asked, files, readFile }, 1_000);
    expect(messages.at(-1)).toEqual({
      role: 'user',
      content: [
        { type: 'text', text: 'Now?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,ZmlsZS0x' } },
        { type: 'image_url', image_url: { url: 'https://cdn.example/sea.png' } },
      ],
    });
  });

  it('refuses an image that the server no longer has', async () => {
    const sent = toMessages({ ...asked, files, readFile: async () => null }, 1_000);
    await expect(sent).rejects.toMatchObject({
      code: 'invalid-request',
      details: { upload_file_id: 'file-1' },
    });
  });
});
