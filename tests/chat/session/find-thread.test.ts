import type { Message } from '../../../src/chat/model/message';
import { matches } from '../../../src/chat/session/find-thread';
import { message } from '../support/fixtures';

const answer = (query: string, text: string | null, changes: Partial<Message> = {}) =>
  message({ role: 'assistant', query, answer: text, outcome: 'completed', ...changes });
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
});
