import { createTranscript } from '../../bench/load/transcript';
import { toToken } from '../../bench/upstream/token';

const token = (index: number) => toToken({ index, sentUs: 5_000_000 + index });
const frame = (event: Readonly<Record<string, unknown>>) => `data: ${JSON.stringify(event)}\n\n`;
const message = (answer: string) => frame({ event: 'message', answer });
const end = frame({ event: 'message_end' });

describe('createTranscript', () => {
  it('reads the tokens of an answer from pieces of any size', () => {
    const transcript = createTranscript(3);
    const stream = `: \n\nid: 1\n${message(token(0))}${message(token(1) + token(2))}${end}`;
    const tokens = [...stream].flatMap((character) => transcript.take(character));

    expect(tokens.map(({ index, sentUs }) => [index, sentUs])).toEqual([
      [0, 5_000_000],
      [1, 5_000_001],
      [2, 5_000_002],
    ]);
    expect(transcript.isComplete()).toBe(true);
  });

  it('throws for an event that is missing, repeated, changed or late', () => {
    const refused = (...parts: string[]) => {
      const transcript = createTranscript(3);
      return () => transcript.take(parts.join(''));
    };

    expect(refused(message(token(1)))).toThrow('Event 0 is missing');
    expect(refused(message(token(0)), message(token(0)))).toThrow('Event 1 is missing');
    expect(refused(message(token(0).replace('@', '#')))).toThrow('Event 0 is missing');
    expect(refused(message(token(0)), end)).toThrow('after 1 of 3');
    expect(refused(message(token(0) + token(1) + token(2)), end, message(token(3)))).toThrow('after the end');
    expect(refused(frame({ event: 'error', code: 'internal' }))).toThrow('internal');
  });

  it('continues after a message_replace with the missed text', () => {
    const transcript = createTranscript(3);
    transcript.take(message(token(0)));
    const tokens = transcript.take(frame({ event: 'message_replace', answer: token(0) + token(1) }));

    expect(tokens.map(({ index }) => index)).toEqual([1]);
    expect(transcript.take(message(token(2)) + end)).toHaveLength(1);
    expect(transcript.isComplete()).toBe(true);
  });

  it('is not complete without message_end', () => {
    const transcript = createTranscript(1);
    transcript.take(message(token(0)));

    expect(transcript.isComplete()).toBe(false);
  });
});
