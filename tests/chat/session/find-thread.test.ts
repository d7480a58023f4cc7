import type { Message } from '../../../src/chat/model/message';
import {
  createComparison,
  createFindThread,
  type FindThreadOptions,
} from '../../../src/chat/session/find-thread';
import { message } from '../support/fixtures';

const answer = (query: string, text: string | null, changes: Partial<Message> = {}) =>
  message({ role: 'assistant', query, answer: text, outcome: 'completed', ...changes });
/** Returns whether these turns of a session, oldest first, are those of the client. */
function matches(turns: readonly Message[], earlier: typeof remembered): boolean {
  const compare = createComparison(earlier);
  return [...turns].reverse().every(compare.next) && compare.isWhole();
}
const saved = [answer('Who are you?', 'The keeper.'), answer('Since when?', ' Since spring. ')];
const remembered = [
  { query: 'Who are you?', answer: 'The keeper.' },
  { query: 'Since when?', answer: 'Since spring.' },
];

describe('the messages of a client', () => {
  it('match a session that has exactly these turns', () => {
    expect(matches(saved, remembered)).toBe(true);
  });

  it('match although the client knows only the beginning of an answer, or none', () => {
    expect(matches(saved, [{ query: 'Who are you?', answer: 'The' }, remembered[1] as never])).toBe(true);
    expect(matches(saved, [{ query: 'Who are you?', answer: '' }, remembered[1] as never])).toBe(true);
  });

  it.each([
    ['lack a turn of the session', remembered.slice(0, 1)],
    ['lack the first turn of the session', remembered.slice(1)],
    ['have a turn that the session lacks', [...remembered, { query: 'And then?', answer: '' }]],
    ['have another order', [...remembered].reverse()],
    ['have another answer', [{ query: 'Who are you?', answer: 'Nobody.' }, ...remembered.slice(1)]],
    [
      'have more text than the session',
      [{ query: 'Who are you?', answer: 'The keeper. I' }, ...remembered.slice(1)],
    ],
  ])('do not match if they %s', (_name, earlier) => {
    expect(matches(saved, earlier)).toBe(false);
  });

  it('match although a failed turn without an answer is missing', () => {
    const failed = answer('Is it cold?', null, { outcome: 'failed' });
    const cut = answer('Is it cold?', 'It', { outcome: 'interrupted' });

    expect(matches([...saved, failed], remembered)).toBe(true);
    expect(matches([...saved, cut], remembered)).toBe(false);
  });

  it('match a running answer that is saved less far than the client has read', () => {
    const running = answer('Since when?', 'Since', { outcome: 'pending' });

    expect(matches([saved[0] as Message, running], remembered)).toBe(true);
  });

  it.each([
    ['older', (whole: Message, failed: Message) => [failed, whole]],
    ['newer', (whole: Message, failed: Message) => [whole, failed]],
  ])('match although an %s try of the same question has failed', (_name, inOrder) => {
    const [whole, failed] = [answer('Is it cold?', 'Yes.'), answer('Is it cold?', '', { outcome: 'failed' })];

    expect(matches(inOrder(whole, failed), [{ query: 'Is it cold?', answer: 'Yes' }])).toBe(true);
    expect(matches(inOrder(whole, failed), [{ query: 'Is it cold?', answer: '' }])).toBe(true);
  });

  it('do not match if more than 20 failed turns are missing', () => {
    const failed = (count: number) =>
      Array.from({ length: count }, () => answer('Is it cold?', null, { outcome: 'failed' }));

    expect(matches([...failed(20), ...saved], remembered)).toBe(true);
    expect(matches([...failed(21), ...saved], remembered)).toBe(false);
  });
});

describe('the search for the thread of a client', () => {
  const owner = { id: 1, documentId: 'ada', username: 'ada', locale: undefined } as never;
  const turns = Array.from({ length: 100 }, (_, index) =>
    answer(`Question ${index}`, 'Yes.', { id: index + 1 }),
  );
  const earlier = turns.map(({ query }) => ({ query, answer: 'Yes.' }));

  /** Returns a search in one session, and the numbers of answers that it has read. */
  function createSearch() {
    const read: number[] = [];
    const session = { sessionId: 'session-1', messageCount: 200, liveTurnId: null } as never;
    const store: FindThreadOptions['store'] = {
      listWithCharacter: async () => [session],
      async listAnswers(_owner, _session, { beforeId, limit }) {
        const page = turns.filter(({ id }) => beforeId === null || id < beforeId).slice(-limit);
        read.push(page.length);
        return page.reverse();
      },
    };
    const find = createFindThread({ store, turns: {} as never, characterSessions: {} as never });
    const search = (client: typeof earlier) =>
      find(owner, { documentId: 'keeper' } as never, { sessionId: undefined, earlier: client });
    return { search, read };
  }

  it('reads all pages of the session that fits', async () => {
    const { search, read } = createSearch();

    expect(await search(earlier)).toBe('session-1');
    expect(read.reduce((sum, length) => sum + length, 0)).toBe(100);
  });

  it('reads one page of a session whose newest turn is another one', async () => {
    const { search, read } = createSearch();

    expect(await search([...earlier.slice(1), { query: 'Another?', answer: '' }])).toBeUndefined();
    expect(read).toEqual([20]);
  });
});
