import { estimateTokens } from '../../../src/chat/model/estimate-tokens';

describe('estimateTokens', () => {
  it.each([
    ['', 4],
    ['abc', 5],
    ['abcd', 6],
    ['大海', 6],
    ['🌊', 6],
  ])('counts a message for %j as %d tokens', (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });
});
