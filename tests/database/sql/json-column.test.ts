import { parseJsonColumn } from '../../../src/database/sql/json-column';

describe('a value of a JSON column', () => {
  it('is parsed', () => {
    expect(parseJsonColumn('["a"]')).toEqual(['a']);
    expect(parseJsonColumn(null)).toBeNull();
    expect(parseJsonColumn({ a: 1 })).toEqual({ a: 1 });
  });

  it('is returned if it is a text without quotes, as SQLite stores it', () => {
    expect(parseJsonColumn('Who are you?')).toBe('Who are you?');
  });
});
