import { errors } from '@strapi/utils';

import {
  entriesOf,
  toNumericIds,
  type Schema,
  type Schemas,
} from '../../../src/strapi/entries/character-id-params';

const relationTo = (target: string) => ({ type: 'relation', target });
const all: readonly Schema[] = [
  {
    uid: 'character',
    attributes: {
      numeric_id: { type: 'integer' },
      name: { type: 'string' },
      avatar: { type: 'media' },
      friend: relationTo('character'),
    },
  },
  {
    uid: 'message',
    attributes: {
      query: { type: 'string' },
      character: relationTo('character'),
      session: relationTo('session'),
      parts: { type: 'dynamiczone' },
      note: { type: 'component', component: 'note' },
    },
  },
  { uid: 'session', attributes: { character: relationTo('character') } },
  { uid: 'note', attributes: { about: relationTo('character') } },
  { uid: 'plugin::upload.file', attributes: { related: { type: 'relation' } } },
];
const schemas: Schemas = {
  characterUid: 'character',
  getSchema: (uid) => all.find((schema) => schema.uid === uid),
};
const [character, message] = all as [Schema, Schema];

describe('toNumericIds', () => {
  it.each<[string, unknown]>([
    ['an id with a word', { id: 'x' }],
    ['an id with a word, in a list', { id: { $in: [1, ' '] } }],
    ['an id with a word, in a negation', { $not: { id: { $eq: 'x' } } }],
    ['a related character with a word, by an operator', { friend: { $in: ['x'] } }],
    ['an id with a substring', { id: { $contains: '1' } }],
    ['a field with an unknown operator', { name: { other: 1 } }],
    ['a field with a group operator', { name: { $and: [{ $eq: 'x' }] } }],
    ['a range with one value', { id: { $between: [1] } }],
  ])('rejects the comparison of %s', (_what, filters) => {
    expect(() => toNumericIds({ filters }, character, schemas)).toThrow(errors.ValidationError);
  });

  it.each<[string, unknown]>([
    ['a documentId with a prefix', { documentId: { $startsWith: 'a' } }],
    ['a text with a substring', { name: { $contains: 'a' } }],
    ['a text with a range', { name: { $between: ['a', 'b'] } }],
    ['a text with null', { name: { $null: true } }],
  ])('allows the comparison of %s', (_what, filters) => {
    expect(toNumericIds({ filters }, character, schemas)).toEqual({ filters });
  });

  it.each<[string, unknown, unknown]>([
    ['a field', { id: 7 }, { numeric_id: 7 }],
    ['an operator', { id: { $in: [1, 2] } }, { numeric_id: { $in: [1, 2] } }],
    ['a group', { $or: [{ id: 7 }, { name: 'Ada' }] }, { $or: [{ numeric_id: 7 }, { name: 'Ada' }] }],
    ['a negation', { $not: { id: { $ne: 7 } } }, { $not: { numeric_id: { $ne: 7 } } }],
    ['another field', { documentId: 'x', name: { $eq: 'id' } }, { documentId: 'x', name: { $eq: 'id' } }],
  ])('translates the id of a character in filters: %s', (_what, filters, expected) => {
    expect(toNumericIds({ filters }, character, schemas)).toEqual({ filters: expected });
  });

  it.each<[string, unknown, unknown]>([
    ['its field', { character: { id: 7 } }, { character: { numeric_id: 7 } }],
    ['itself', { character: 7 }, { character: { numeric_id: 7 } }],
    ['itself as text', { character: '7' }, { character: { numeric_id: '7' } }],
    ['its documentId', { character: 'abc' }, { character: { documentId: 'abc' } }],
    ['itself with an operator', { character: { $in: ['7'] } }, { character: { numeric_id: { $in: ['7'] } } }],
    [
      'a group of its fields',
      { character: { $or: [{ id: 7 }] } },
      { character: { $or: [{ numeric_id: 7 }] } },
    ],
    ['another relation', { session: 7, id: 5 }, { session: 7, id: 5 }],
    [
      'a relation of a relation',
      { session: { character: { id: 7 } } },
      { session: { character: { numeric_id: 7 } } },
    ],
    ['a component', { note: { about: { id: 7 } } }, { note: { about: { numeric_id: 7 } } }],
  ])('translates the id of a related character in filters: %s', (_what, filters, expected) => {
    expect(toNumericIds({ filters }, message, schemas)).toEqual({ filters: expected });
  });

  it.each<[unknown, unknown]>([
    ['id', 'id'],
    ['character.id:desc, query', 'character.numeric_id:desc,query'],
    [
      ['id:asc', 'character.id'],
      ['id:asc', 'character.numeric_id'],
    ],
    [{ character: { id: 'desc' } }, { character: { numeric_id: 'desc' } }],
  ])('translates the id of a related character in the sort %j', (sort, expected) => {
    expect(toNumericIds({ sort }, message, schemas)).toEqual({ sort: expected });
  });

  it('translates the id of a populated character, and keeps the rest of the query', () => {
    const query = {
      fields: ['id'],
      page: 2,
      populate: { character: { filters: { id: 7 }, sort: 'id' }, session: true },
    };
    expect(toNumericIds(query, message, schemas)).toEqual({
      ...query,
      populate: { character: { filters: { numeric_id: 7 }, sort: 'numeric_id' }, session: true },
    });
    expect(toNumericIds({ populate: '*' }, message, schemas)).toEqual({ populate: '*' });
  });

  it('keeps dates unchanged', () => {
    const filters = { createdAt: { $gt: new Date(0) } };
    expect(toNumericIds({ filters }, message, schemas)).toEqual({ filters });
  });
});

describe('entriesOf', () => {
  it('finds characters in relations, components and dynamic zones of an entry', () => {
    const one = (documentId: string) => ({ documentId });
    const entry = {
      query: 'Hi',
      character: { ...one('a'), friend: one('b') },
      session: { character: one('c') },
      note: { about: one('d') },
      parts: [{ __component: 'note', about: one('e') }, null],
      unknown: { character: one('nowhere') },
    };
    const found = entriesOf([entry, null, { character: null }], message, schemas);
    expect(found.map(({ documentId }) => documentId)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('finds the characters that are related to a picture', () => {
    const avatar = { related: [{ __type: 'character', documentId: 'b' }] };
    const found = entriesOf({ documentId: 'a', avatar }, character, schemas);
    expect(found.map(({ documentId }) => documentId)).toEqual(['a', 'b']);
  });
});
