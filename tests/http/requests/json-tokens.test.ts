import { hasMoreTokens } from '../../../src/http/requests/json-tokens';

/** Returns the number of tokens, by asking for each. */
function count(json: string): number {
  let max = 0;
  while (hasMoreTokens(Buffer.from(json), max)) max += 1;
  return max;
}

describe('hasMoreTokens', () => {
  it.each([
    ['null', 0],
    ['[1, 2, 3]', 3],
    ['{"a": [1, {"b": "c"}]}', 7],
    ['"one, [two] {three}"', 1],
    [String.raw`["a\",b", "c\\", "d\\\",[["]`, 6],
    ['["not closed, [[[', 2],
    ['', 0],
  ])('counts the strings, commas and opening brackets of %s: %s', (json, tokens) => {
    expect(count(json)).toBe(tokens);
  });

  it('passes over a string of many megabytes', () => {
    const json = Buffer.from(`["${'a,'.repeat(10_000_000)}"]`);

    expect([hasMoreTokens(json, 1), hasMoreTokens(json, 2)]).toEqual([true, false]);
  });
});
