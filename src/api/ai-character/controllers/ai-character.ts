import { factories } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError } from '../../../chat';
import { isAppUser } from '../../../http/owner';
import { findByNumericId } from '../../../database/characters/numbers';
import { isRowId } from '../../../database/sql/row-id';

/** What an app's user may say in the query string. `status` and its relatives reach drafts, `_q` searches every column. */
const appUserParams = new Set([
  'filters',
  'sort',
  'fields',
  'populate',
  'pagination',
  'page',
  'pageSize',
  'locale',
  'status',
]);

/**
 * Not a route: the right of a custom API token to drafts (`src/strapi/rights/draft-reading.ts`). Strapi offers what a
 * controller has for the content API where the rights of tokens are edited.
 */
const readDrafts = Object.assign((ctx: Context) => ctx.throw(404), {
  [Symbol.for('__type__')]: ['content-api'],
});

/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access --
   Strapi puts its actions on the prototype; for TypeScript `super` is any. */
export default factories.createCoreController('api::ai-character.ai-character', {
  /** GET /api/ai-characters */
  async find(ctx: Context) {
    if (isAppUser(ctx)) ctx.query = toPublishedOnly(ctx.query);
    return super.find(ctx);
  },

  /** GET /api/ai-characters/:id */
  async findOne(ctx: Context) {
    if (isAppUser(ctx)) ctx.query = toPublishedOnly(ctx.query);
    await nameByDocumentId(ctx);
    return super.findOne(ctx);
  },

  /** PUT /api/ai-characters/:id */
  async update(ctx: Context) {
    await nameByDocumentId(ctx);
    return super.update(ctx);
  },

  /** DELETE /api/ai-characters/:id */
  async delete(ctx: Context) {
    await nameByDocumentId(ctx);
    return super.delete(ctx);
  },

  readDrafts,
});
/* eslint-enable */

/** Strapi knows a character by its documentId alone; ours have a number, too. */
async function nameByDocumentId(ctx: Context): Promise<void> {
  const params = ctx.params as { id: string };
  if (isRowId(params.id)) params.id = (await findByNumericId(strapi.db, Number(params.id))) ?? params.id;
}

/** What a character can be filtered and sorted by. Through a picture, drafts that share it could be reached. */
const fields = new Set([
  ...['id', 'documentId', 'name', 'prompt', 'introduce', 'opening_statement'],
  ...['createdAt', 'updatedAt', 'publishedAt'],
]);

/**
 * The client's filters become one member of `$and`: at the root, a key of theirs (`publishedAt`) would take the place
 * of the one Strapi sets to keep drafts out.
 * @throws ChatError `invalid-request`
 */
function toPublishedOnly(query: Context['query']): Context['query'] {
  const { filters, populate, status = 'published', ...rest } = query as Record<string, unknown>;
  const stranger = Object.keys(rest).find((name) => !appUserParams.has(name));
  if (stranger !== undefined) throw refuse(`There is no parameter "${stranger.slice(0, 100)}".`);
  if (status !== 'published') throw refuse('status can only be published.');
  if (filters !== undefined) assertOwnFields(filters);
  if (countConditions(filters) > maxConditions) throw refuse(`filters can have ${maxConditions} conditions.`);
  if (rest['sort'] !== undefined) assertSortable(rest['sort']);
  return {
    ...rest,
    status,
    ...(populate !== undefined && { populate: toPopulate(populate) }),
    ...(filters !== undefined && { filters: { $and: [filters] } }),
  } as Context['query'];
}

/** Each is looked for in every character, and on SQLite everybody waits for it. */
const maxConditions = 10;

/** A list of values is one condition. */
function countConditions(filters: unknown): number {
  if (typeof filters !== 'object' || filters === null) return 1;
  const values = Object.values(filters) as unknown[];
  const isListOfValues =
    Array.isArray(filters) && values.every((value) => typeof value !== 'object' || value === null);
  return isListOfValues ? 1 : values.reduce((sum: number, value) => sum + countConditions(value), 0);
}

function assertOwnFields(filters: unknown): void {
  if (typeof filters !== 'object' || filters === null || Array.isArray(filters)) {
    throw refuse('filters has to name fields, e.g. filters[name][$eq]=Ada.');
  }
  for (const [key, value] of Object.entries(filters) as [string, unknown][]) {
    if (['$and', '$or'].includes(key) && Array.isArray(value)) value.forEach(assertOwnFields);
    else if (key === '$not') assertOwnFields(value);
    else if (!fields.has(key))
      throw refuse(`filters can name ${[...fields].join(', ')}; not "${key.slice(0, 100)}".`);
  }
}

function assertSortable(sort: unknown): void {
  if (typeof sort === 'object' && sort !== null) {
    Object.entries(sort).forEach(([key, value]) => assertSortable(/^\d+$/u.test(key) ? value : key));
    return;
  }
  const names = String(sort)
    .split(',')
    .map((text) => text.split(':')[0]?.trim() ?? '');
  if (!names.every((name) => fields.has(name))) throw refuse(`sort can name ${[...fields].join(', ')}.`);
}

/** The picture is all a character is populated with; what the picture is related to is nobody's business. */
function toPopulate(populate: unknown): string[] {
  const named =
    typeof populate === 'object' && populate !== null ? Object.entries(populate).flat() : [populate];
  const isKnown = named.every((name) => ['*', 'true', 'avatar', '0'].includes(String(name)));
  if (!isKnown) throw refuse('populate can only be avatar.');
  return ['avatar'];
}

function refuse(sentence: string): ChatError {
  return new ChatError('invalid-request', { sentence: sentence.toWellFormed() });
}
