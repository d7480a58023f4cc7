import { parseToken, tokenChars, type Token } from '../upstream/token';

/** Reads one answer as its client receives it, and checks every byte and the order. */
export interface Transcript {
  /** @returns the tokens in this part of the event stream. @throws Error at the first wrong byte. */
  take(part: string): readonly Token[];
  /** Returns whether `message_end` has arrived. */
  isComplete(): boolean;
  /** Returns the number of tokens so far. */
  count(): number;
}

interface WireEvent {
  readonly event?: unknown;
  readonly answer?: unknown;
}

/** @param expected number of tokens in the whole answer. */
export function createTranscript(expected: number): Transcript {
  let pending = '';
  let text = '';
  let count = 0;
  let isComplete = false;

  function takeFrame(frame: string): Token[] {
    const data = frame
      .split('\n')
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5))
      .join('\n');
    if (data.trim() === '') return [];
    const { event, answer } = JSON.parse(data) as WireEvent;
    if (event === 'message') return takeText(String(answer));
    // The event contains the whole text so far. Only its new part counts.
    if (event === 'message_replace') return takeText(String(answer).slice(count * tokenChars));
    if (event === 'error') throw new Error(`An error instead of an answer: ${data.slice(0, 300)}`);
    if (event === 'message_end') {
      if (count !== expected) throw new Error(`The end came after ${count} of ${expected} events.`);
      isComplete = true;
    }
    return [];
  }

  function takeText(piece: string): Token[] {
    if (isComplete) throw new Error('An event came after the end.');
    text += piece;
    const tokens: Token[] = [];
    let at = 0;
    for (; at + tokenChars <= text.length; at += tokenChars) {
      const token = parseToken(text.slice(at, at + tokenChars));
      if (token?.index !== count) {
        throw new Error(`Event ${count} is missing; in its place: ${text.slice(at, at + tokenChars)}`);
      }
      count += 1;
      tokens.push(token);
    }
    text = text.slice(at);
    return tokens;
  }

  return {
    take(part) {
      pending += part;
      const tokens: Token[] = [];
      let at = 0;
      for (;;) {
        const end = pending.indexOf('\n\n', at);
        if (end === -1) break;
        for (const token of takeFrame(pending.slice(at, end))) tokens.push(token);
        at = end + 2;
      }
      pending = pending.slice(at);
      return tokens;
    },
    isComplete: () => isComplete,
    count: () => count,
  };
}
