import { parseNamedFields, pick } from '../../../../src/chat/contract/messages/named-fields';

const known = ['id', 'role', 'content'];
const parseNames = (value: unknown) => parseNamedFields('fields', value, known);

describe('parseNamedFields', () => {
  it.each([[undefined], [''], ['*'], ['role,*'], [[]]])('takes %j for all fields', (value) => {
    expect(parseNames(value)).toBeNull();
  });

  it.each(['role, content', ['role', 'content'], { 0: 'role', 25: 'content' }])(
    'finds names in %j',
    (value) => {
      expect([...(parseNames(value) ?? [])]).toEqual(['role', 'content']);
    },
  );

  it.each(['password', 'id,constructor', null, 1])('refuses %j', (value) => {
    expect(() => parseNames(value)).toThrow(expect.objectContaining({ code: 'invalid-request' }));
  });
});

describe('pick', () => {
  const line = { id: 1, role: 'user', content: 'Hi' };

  it('returns the named entries in the order of the object', () => {
    expect(JSON.stringify(pick(line, parseNames('content,id')))).toBe('{"id":1,"content":"Hi"}');
    expect(pick(line, null)).toBe(line);
  });
});
