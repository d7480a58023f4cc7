import fc from 'fast-check';

import { ChatError } from '../../../../src/chat/errors';
import { parseFilters, type FieldKinds } from '../../../../src/chat/contract/messages/filter-syntax';
import type { Filter } from '../../../../src/chat/model/filter';
import { thrown } from '../../support/collect';

const fields: FieldKinds = {
  id: 'integer',
  query: 'text',
  role: 'text',
  message_id: 'id',
  createdAt: 'date',
  is_superseded: 'boolean',
  'ai_character.id': 'reference',
  'ai_character.name': 'text',
  'user.id': 'reference',
};

/** Unwraps `all` filters with a single entry. @returns the innermost filter. */
function only(filters: unknown): Filter {
  let filter = parseFilters(filters, fields);
  for (;;) {
    const [first, ...others] = filter.kind === 'all' ? filter.filters : [];
    if (first === undefined || others.length > 0) return filter;
    filter = first;
  }
}

async function refused(filters: unknown): Promise<string> {
  const error = await thrown(() => parseFilters(filters, fields));
  expect(error).toBeInstanceOf(ChatError);
  expect(error).toMatchObject({ code: 'invalid-request', status: 400 });
  return (error as ChatError).message;
}

const match = (match: string, ignoreCase: boolean, text = 'sea') => ({
  kind: 'match',
  field: 'query',
  match,
  text,
  ignoreCase,
});
const compare = (field: string, comparison: string, value: unknown) => ({
  kind: 'compare',
  field,
  comparison,
  value,
});
const upper = '0B8D43A4-2A43-4B32-B1A5-4FC5B1F8B8A0';
const lower = upper.toLowerCase();
const isIn = (field: string, ...values: readonly string[]) => ({ kind: 'in', field, values });
const not = (filter: unknown) => ({ kind: 'not', filter });
const all = (...filters: readonly unknown[]) => ({ kind: 'all', filters });

describe('parseFilters', () => {
  describe('reads', () => {
    it.each<[string, unknown, unknown]>([
      ['a bare value', { query: 'sea' }, compare('query', '=', 'sea')],
      ['$eq', { query: { $eq: 'sea' } }, compare('query', '=', 'sea')],
      ['$ne', { query: { $ne: 'sea' } }, compare('query', '!=', 'sea')],
      ['a UUID in upper case', { message_id: upper }, isIn('message_id', upper, lower)],
      ['$ne of such a UUID', { message_id: { $ne: upper } }, not(isIn('message_id', upper, lower))],
      ['$in of such a UUID', { message_id: { $in: ['1', upper] } }, isIn('message_id', '1', upper, lower)],
      ['such a UUID of a relation', { user: upper }, isIn('user.id', upper, lower)],
      ['a UUID in lower case', { message_id: lower }, compare('message_id', '=', lower)],
      ['a UUID in a text', { query: upper }, compare('query', '=', upper)],
      ['$eqi', { query: { $eqi: 'sea' } }, match('whole', true)],
      ['$nei', { query: { $nei: 'sea' } }, not(match('whole', true))],
      ['$lt', { id: { $lt: '7' } }, compare('id', '<', 7)],
      ['$lte', { id: { $lte: '7' } }, compare('id', '<=', 7)],
      ['$gt', { id: { $gt: '-7' } }, compare('id', '>', -7)],
      ['$gte', { id: { $gte: '7' } }, compare('id', '>=', 7)],
      ['$eqi of a number', { id: { $eqi: '7' } }, compare('id', '=', 7)],
      ['$in', { id: { $in: ['1', '2'] } }, { kind: 'in', field: 'id', values: [1, 2] }],
      ['$in with one value', { id: { $in: '1' } }, { kind: 'in', field: 'id', values: [1] }],
      [
        '$in with indexes',
        { id: { $in: { 30: '1', 40: '2' } } },
        { kind: 'in', field: 'id', values: [1, 2] },
      ],
      ['$in with nothing', { id: { $in: [] } }, { kind: 'in', field: 'id', values: [] }],
      ['$notIn', { role: { $notIn: ['user'] } }, not({ kind: 'in', field: 'role', values: ['user'] })],
      ['$between', { id: { $between: ['1', '5'] } }, all(compare('id', '>=', 1), compare('id', '<=', 5))],
      ['$contains', { query: { $contains: 'sea' } }, match('contains', false)],
      ['$containsi', { query: { $containsi: 'sea' } }, match('contains', true)],
      ['$notContains', { query: { $notContains: 'sea' } }, not(match('contains', false))],
      ['$notContainsi', { query: { $notContainsi: 'sea' } }, not(match('contains', true))],
      ['$startsWith', { query: { $startsWith: 'sea' } }, match('startsWith', false)],
      ['$startsWithi', { query: { $startsWithi: 'sea' } }, match('startsWith', true)],
      ['$endsWith', { query: { $endsWith: 'sea' } }, match('endsWith', false)],
      ['$endsWithi', { query: { $endsWithi: 'sea' } }, match('endsWith', true)],
      ['$null', { query: { $null: 'true' } }, { kind: 'null', field: 'query' }],
      ['$null without a value', { query: { $null: '' } }, { kind: 'null', field: 'query' }],
      ['$null false', { query: { $null: 'false' } }, not({ kind: 'null', field: 'query' })],
      ['$notNull', { query: { $notNull: '1' } }, not({ kind: 'null', field: 'query' })],
      ['$notNull false', { query: { $notNull: '0' } }, { kind: 'null', field: 'query' }],
      ['$not of a condition', { query: { $not: { $eq: 'sea' } } }, not(all(compare('query', '=', 'sea')))],
      ['an empty text', { query: { $eq: '' } }, compare('query', '=', '')],
      [
        'text that no database can store',
        { query: { $eq: 'a\0\ud83d' } },
        compare('query', '=', 'a\uFFFD\uFFFD'),
      ],
      ['wildcards literally', { query: { $contains: '%_\\' } }, match('contains', false, '%_\\')],
      [
        'a relation’s field',
        { ai_character: { name: { $eq: 'Ada' } } },
        compare('ai_character.name', '=', 'Ada'),
      ],
      ['a relation’s id', { ai_character: { id: '7' } }, compare('ai_character.id', '=', '7')],
      ['a relation as its id', { ai_character: 'doc-1' }, compare('ai_character.id', '=', 'doc-1')],
      ['a relation with $eq', { ai_character: { $eq: '7' } }, compare('ai_character.id', '=', '7')],
      [
        'a relation with $null',
        { ai_character: { $null: 'true' } },
        { kind: 'null', field: 'ai_character.id' },
      ],
      ['a bare true', { is_superseded: 'true' }, compare('is_superseded', '=', true)],
      ['$ne false', { is_superseded: { $ne: '0' } }, compare('is_superseded', '!=', false)],
      ['the largest integer', { id: '2147483647' }, compare('id', '=', 2_147_483_647)],
      ['the smallest integer', { id: '-2147483647' }, compare('id', '=', -2_147_483_647)],
    ])('%s', (_name, filters, expected) => {
      expect(only(filters)).toEqual(expected);
    });

    it.each([
      ['2024-01-31', '2024-01-31T00:00:00.000Z'],
      ['2024-01-31T12:00:00Z', '2024-01-31T12:00:00.000Z'],
      ['2024-01-31T12:00:00.123+02:00', '2024-01-31T10:00:00.123Z'],
      ['2024-01', '2024-01-01T00:00:00.000Z'],
      ['2024-01-31T12:00', '2024-01-31T12:00:00.000Z'],
      ['2024-02-29 23:59:59', '2024-02-29T23:59:59.000Z'],
      ['1706702400000', '2024-01-31T12:00:00.000Z'],
    ])('the date %s', (text, iso) => {
      expect(only({ createdAt: { $gte: text } })).toEqual(compare('createdAt', '>=', new Date(iso)));
    });

    it('several fields and several operators as conditions that must all match', () => {
      const filters = { query: { $contains: 'sea' }, id: { $gt: '1', $lt: '9' } };
      expect(parseFilters(filters, fields)).toEqual(
        all(all(match('contains', false)), all(compare('id', '>', 1), compare('id', '<', 9))),
      );
    });

    it('$and, $or and $not at the root and inside a relation', () => {
      expect(
        parseFilters({ $or: [{ role: 'user' }, { $not: { role: 'tool' } }], $and: [{ id: '1' }] }, fields),
      ).toEqual(
        all(
          {
            kind: 'any',
            filters: [all(compare('role', '=', 'user')), all(not(all(compare('role', '=', 'tool'))))],
          },
          all(all(compare('id', '=', 1))),
        ),
      );
      expect(only({ ai_character: { $or: [{ name: 'Ada' }, { id: '7' }] } })).toEqual({
        kind: 'any',
        filters: [all(compare('ai_character.name', '=', 'Ada')), all(compare('ai_character.id', '=', '7'))],
      });
    });

    it.each(['$eq', '$ne', '$in', '$notIn', '$null', '$notNull', '$lt'])(
      '%s a hundred times, because it does not search text',
      (operator) => {
        const operand = operator.toLowerCase().endsWith('null') ? 'true' : 'sea';
        const many = { $or: Array.from({ length: 100 }, () => ({ query: { [operator]: operand } })) };
        expect(() => parseFilters(many, fields)).not.toThrow();
      },
    );

    // For a number and an id, $eqi is an equality. The limit for text searches does not apply.
    it('$eqi of a number and of an id as often as other equalities', () => {
      const many = Array.from({ length: 11 }, () => ({ id: { $eqi: '7' }, ai_character: { $eqi: '7' } }));
      expect(() => parseFilters({ $or: many }, fields)).not.toThrow();
    });

    it('an empty object as a filter for all messages', () => {
      expect(parseFilters({}, fields)).toEqual(all());
    });
  });

  describe('rejects', () => {
    it.each<[string, unknown, string]>([
      ['a list instead of fields', [], 'filters must name fields'],
      ['text instead of fields', 'query', 'filters must name fields'],
      ['null instead of fields', null, 'filters must name fields'],
      ['an unknown field', { password: 'x' }, 'filters[password] is not a field'],
      ['an unknown field of a relation', { user: { password: 'x' } }, 'filters[user][password] is not'],
      ['an unknown relation', { roles: { id: '1' } }, 'filters[roles] is not a field'],
      ['a property of the prototype', { constructor: 'x' }, 'filters[constructor] is not a field'],
      ['the name of a column', { created_at: 'x' }, 'filters[created_at] is not a field'],
      ['an unknown operator', { query: { $regex: 'x' } }, 'filters[query][$regex] is not an operator'],
      [
        'a property of the prototype instead of an operator',
        { query: { constructor: 'x' } },
        'is not an operator',
      ],
      ['an operator at the root', { $eq: 'x' }, 'filters[$eq] is not a field'],
      ['text instead of a number', { id: 'seven' }, 'filters[id] must be a whole number'],
      ['a fraction', { id: '1.5' }, 'must be a whole number'],
      ['an exponent', { id: '1e3' }, 'must be a whole number'],
      ['an empty number', { id: '' }, 'must be a whole number'],
      ['a number that is too large', { id: '2147483648' }, 'must be a whole number'],
      ['text instead of a date', { createdAt: 'yesterday' }, 'filters[createdAt] must be a date'],
      ['a date with an invalid month', { createdAt: '2024-13-01' }, 'must be a date'],
      ['a date with an invalid day', { createdAt: '2024-02-31' }, 'must be a date'],
      ['a year that is out of range', { createdAt: '+012024-01-01' }, 'must be a date'],
      ['a text operator on a number', { id: { $contains: '1' } }, 'applies to text only'],
      ['a text operator on a date', { createdAt: { $startsWith: '2024' } }, 'applies to text only'],
      ['an order on a boolean', { is_superseded: { $gt: 'false' } }, 'does not apply to true or false'],
      ['an invalid boolean', { is_superseded: 'maybe' }, 'must be true or false'],
      ['an empty boolean', { is_superseded: '' }, 'must be true or false'],
      ['an order on an id', { ai_character: { id: { $gt: '1' } } }, 'does not apply to an id'],
      ['$between on an id', { user: { $between: ['1', '2'] } }, 'does not apply to an id'],
      ['$between with one value', { id: { $between: ['1'] } }, 'takes two values'],
      ['several values instead of one', { query: { $eq: ['a', 'b'] } }, 'must be a single value'],
      ['an object instead of a value', { query: { $eq: { $eq: 'a' } } }, 'must be a single value'],
      ['an object in a list', { query: { $in: [{ $eq: 'a' }] } }, 'must be a single value'],
      ['$null with an invalid value', { query: { $null: 'perhaps' } }, 'must be true or false'],
      ['text that is too long', { query: 'x'.repeat(1_001) }, 'longer than 1000'],
      [
        'a list that is too long',
        { id: { $in: Array.from({ length: 101 }, String) } },
        'lists more than 100',
      ],
      ['text in $and', { $and: 'x' }, 'filters[$and][0] must name fields'],
    ])('%s', async (_name, filters, sentence) => {
      expect(await refused(filters)).toContain(sentence);
    });

    it('more than 100 conditions', async () => {
      const many = (count: number) => ({ $or: Array.from({ length: count }, () => ({ role: 'user' })) });
      expect(() => parseFilters(many(100), fields)).not.toThrow();
      expect(await refused(many(101))).toContain('at most 100');
    });

    it.each([
      '$eqi',
      '$nei',
      '$contains',
      '$containsi',
      '$notContains',
      '$notContainsi',
      '$startsWith',
      '$startsWithi',
      '$endsWith',
      '$endsWithi',
    ])('%s for the eleventh time, because each one searches all text', async (operator) => {
      const times = (count: number) => ({
        $or: Array.from({ length: count }, () => ({ query: { [operator]: 'sea' } })),
      });
      expect(() => parseFilters(times(10), fields)).not.toThrow();
      const sentence = await refused(times(11));
      expect(sentence).toContain(`filters[$or][10][query][${operator}] searches text`);
      expect(sentence).toContain('at most 10 times');
    });

    it('more than ten text searches at any place', async () => {
      const contains = { $contains: 'sea' };
      const ten = {
        query: { $not: contains, $startsWith: 'a', $endsWithi: 'b' },
        ai_character: { name: contains },
        $or: Array.from({ length: 6 }, () => ({ role: { $nei: 'tool' } })),
      };
      expect(() => parseFilters(ten, fields)).not.toThrow();
      expect(await refused({ ...ten, $not: { query: contains } })).toContain('searches text');
    });

    it('deep nesting, of groups and of conditions', async () => {
      const nested = (depth: number, inside: unknown): unknown =>
        depth === 0 ? inside : { $not: nested(depth - 1, inside) };
      expect(() => parseFilters(nested(5, { role: 'user' }), fields)).not.toThrow();
      expect(await refused(nested(11, { role: 'user' }))).toContain('levels deep');
      expect(await refused({ role: nested(1_000, { $eq: 'user' }) })).toContain('at most 100');
      const list = (depth: number): unknown => (depth === 0 ? { role: 'user' } : { $and: [list(depth - 1)] });
      expect(await refused(list(1_000))).toContain('levels deep');
    });

    it('a long field name with a short and well-formed sentence', async () => {
      const sentence = await refused({ [`\ud83d${'x'.repeat(10_000)}`]: '1' });
      expect(sentence.length).toBeLessThan(300);
      expect(sentence.isWellFormed()).toBe(true);
    });
  });

  it('accepts or rejects any input, uses only known fields, and throws no other error', () => {
    const key = fc.constantFrom(
      ...Object.keys(fields),
      'ai_character',
      'name',
      '$and',
      '$or',
      '$not',
      '$in',
      '$eq',
      '0',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        fc.oneof(fc.string(), fc.constantFrom('1', 'true', '2024-01-01'), fc.constant(null)),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 3 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (filters) => {
        try {
          for (const name of namesIn(parseFilters(filters, fields)))
            expect(Object.keys(fields)).toContain(name);
        } catch (error) {
          expect(error).toMatchObject({ name: 'ChatError', code: 'invalid-request' });
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

function namesIn(filter: Filter): string[] {
  if ('field' in filter) return [filter.field];
  return filter.kind === 'not' ? namesIn(filter.filter) : filter.filters.flatMap(namesIn);
}
