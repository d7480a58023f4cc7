import { usesKey, type FindAttributes } from '../../../src/strapi/upstreams/queries';

const character = 'api::ai-character.ai-character';
const types: Readonly<Record<string, ReturnType<FindAttributes>>> = {
  [character]: {
    upstream_key: { type: 'text' },
    sessions: { type: 'relation', target: 'api::session.session' },
  },
  'api::session.session': { ai_character: { type: 'relation', target: character } },
  'api::article.article': {
    upstream_key: { type: 'string' },
    part: { type: 'component', component: 'parts.part' },
    related: { type: 'relation' },
  },
  'parts.part': { upstream_key: { type: 'string' }, hero: { type: 'relation', target: character } },
};
const uses = (uid: string, query: Readonly<Record<string, unknown>>) =>
  usesKey((name) => types[name], uid, query);

describe('a query of characters uses their key', () => {
  it.each([
    ['as a filter', { filters: { $or: [{ upstream_key: { $startsWith: 'a' } }] } }],
    ['as a field', { fields: ['name', 'upstream_key'] }],
    ['to sort', { sort: 'name:asc,upstream_key:desc' }],
    ['through a relation', { populate: { sessions: { filters: { ai_character: { upstream_key: 'a' } } } } }],
  ])('%s', (_how, query) => {
    expect(uses(character, query)).toBe(true);
  });
});

describe('a query of a type with a field of the same name', () => {
  it.each([
    { filters: { upstream_key: { $eq: 'a' } }, fields: ['upstream_key'], sort: ['upstream_key:asc'] },
    { filters: { part: { upstream_key: 'a' } }, sort: 'part.upstream_key', populate: ['part'] },
  ])('uses no key of characters: %j', (query) => {
    expect(uses('api::article.article', query)).toBe(false);
  });

  it.each([
    { filters: { part: { hero: { upstream_key: 'a' } } } },
    { sort: 'part.hero.upstream_key:asc' },
    { populate: { part: { populate: { hero: { fields: 'upstream_key' } } } } },
    { populate: { related: { on: { [character]: { fields: ['upstream_key'] } } } } },
    { filters: { related: { upstream_key: 'a' } } },
  ])('uses the key of related characters: %j', (query) => {
    expect(uses('api::article.article', query)).toBe(true);
  });
});
