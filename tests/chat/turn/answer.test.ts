import { createAnswer } from '../../../src/chat/turn/answer';
import type { ReplyEvent } from '../../../src/chat/ports/upstream';

const delta = (text: string): ReplyEvent => ({ type: 'delta', text });
const replaced = (text: string): ReplyEvent => ({ type: 'replaced', text });

function answerOf(...events: readonly ReplyEvent[]) {
  const answer = createAnswer({ maxChars: 10 });
  for (const event of events) answer.take(event);
  return answer;
}

describe('createAnswer', () => {
  it('is empty and has no ids at first', () => {
    const answer = answerOf();
    expect(answer.progress()).toEqual({ answer: '', messageId: undefined, conversationId: undefined });
    expect(answer.usage()).toBeNull();
  });

  it('grows by deltas', () => {
    expect(answerOf(delta('Hel'), delta(''), delta('lo')).progress().answer).toBe('Hello');
  });

  it('is replaced as a whole, and then grows again', () => {
    expect(answerOf(delta('Hello'), replaced('Hi'), delta('!')).progress().answer).toBe('Hi!');
    expect(answerOf(delta('Hello'), replaced('')).progress().answer).toBe('');
  });

  it('has the latest ids of Dify', () => {
    const first: ReplyEvent = { type: 'identified', taskId: 't', messageId: 'm1', conversationId: 'c1' };
    expect(answerOf(first, delta('Hi')).progress()).toEqual({
      answer: 'Hi',
      taskId: 't',
      messageId: 'm1',
      conversationId: 'c1',
    });
    const second = { ...first, messageId: 'm2', conversationId: 'c2' };
    expect(answerOf(first, second).progress()).toMatchObject({ messageId: 'm2', conversationId: 'c2' });
  });

  it('has the usage once it is complete', () => {
    expect(answerOf({ type: 'completed', usage: { total_tokens: 3 } }).usage()).toEqual({ total_tokens: 3 });
    expect(answerOf({ type: 'completed', usage: null }).usage()).toBeNull();
  });

  it('may be exactly as long as the limit', () => {
    expect(answerOf(delta('1234567890')).progress().answer).toBe('1234567890');
  });

  it.each([
    ['deltas', [delta('12345'), delta('678901')]],
    ['a replacement', [replaced('12345678901')]],
  ])('is too long once %s exceed the limit, and keeps all of its text', (_name, events) => {
    const answer = createAnswer({ maxChars: 10 });
    expect(answer.isTooLong()).toBe(false);
    events.forEach((event) => answer.take(event));
    expect(answer.isTooLong()).toBe(true);
    expect(answer.progress().answer).toBe('12345678901');
  });

  it('reports that it is frozen, and keeps its text', () => {
    const answer = answerOf(delta('Hel'));
    expect(answer.isFrozen()).toBe(false);
    answer.freeze();
    answer.freeze();
    expect(answer.isFrozen()).toBe(true);
    expect(answer.progress().answer).toBe('Hel');
  });
});
