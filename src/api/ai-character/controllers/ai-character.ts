import { factories } from '@strapi/strapi';
import type { Context } from 'koa';
import { z } from 'zod';

import { invalidRequest } from '../../../chat';
import { localeOf } from '../../../http/requests/locale';
import { isAppUser } from '../../../http/owner';
import { findByNumericId } from '../../../database/characters/numbers';
import { isRowId } from '../../../database/sql/row-id';
import { characterUid } from '../../../database/characters/uid';

/**
 * Query parameters that an app user may send. Others can reach drafts, and `_q` searches every column. `status` must
 * be `published`.
 */
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
 * Not a route. It is the permission of a custom API token to read drafts (`src/strapi/rights/draft-reading.ts`).
 * Strapi lists the controller functions marked `content-api` in its editor for token permissions.
 */
const readDrafts = Object.assign((ctx: Context) => ctx.throw(404), {
  [Symbol.for('__type__')]: ['content-api'],
});

/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access --
   Strapi puts its actions on the prototype; for TypeScript `super` is any. */
export default factories.createCoreController(characterUid, {
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

/** Replaces a numeric id in the path by the documentId. Strapi itself finds characters by documentId only. */
async function nameByDocumentId(ctx: Context): Promise<void> {
  const params = ctx.params as { id: string };
  if (isRowId(params.id)) params.id = (await findByNumericId(strapi.db, Number(params.id))) ?? params.id;
}

/** Fields that app users may filter and sort by. A filter through the picture could reach drafts that share it. */
const fields = new Set([
  ...['id', 'documentId', 'name', 'prompt', 'introduce', 'opening_statement'],
  ...['createdAt', 'updatedAt', 'publishedAt'],
]);

/** Strapi itself replies 500 to a name like `constructor`. */
const shownFields = new Set([...fields, 'suggested_questions', 'locale', '*']);

/**
 * Restricts a query to published characters. It puts the client's filters into one member of `$and`. At the root, a
 * client's `publishedAt` would replace the condition by which Strapi hides drafts.
 * @throws ChatError `invalid-request`
 */
function toPublishedOnly(query: Context['query']): Context['query'] {
  const { filters, populate, status = 'published', ...rest } = query as Record<string, unknown>;
  const stranger = Object.keys(rest).find((name) => !appUserParams.has(name));
  if (stranger !== undefined) throw invalidRequest(`There is no parameter "${stranger.slice(0, 100)}".`);
  localeOf({ query });
  if (status !== 'published') throw invalidRequest('status can only be published.');
  if (filters !== undefined) assertOwnFields(filters);
  if (countConditions(filters) > maxConditions)
    throw invalidRequest(`filters can have ${maxConditions} conditions.`);
  if (rest['sort'] !== undefined) assertNames('sort', rest['sort'], fields);
  if (rest['fields'] !== undefined) assertNames('fields', rest['fields'], shownFields);
  return {
    ...rest,
    status,
    ...(populate !== undefined && { populate: toPopulate(populate) }),
    ...(filters !== undefined && { filters: { $and: [filters] } }),
  } as Context['query'];
}

/**
 * Maximum number of conditions in `filters`. The database checks each one for every character. SQLite blocks all other
 * queries meanwhile.
 */
const maxConditions = 10;

/** Counts the conditions in `filters`. A list of values is one condition. */
function countConditions(filters: unknown): number {
  if (typeof filters !== 'object' || filters === null) return 1;
  const values = Object.values(filters) as unknown[];
  const isListOfValues =
    Array.isArray(filters) && values.every((value) => typeof value !== 'object' || value === null);
  return isListOfValues ? 1 : values.reduce((sum: number, value) => sum + countConditions(value), 0);
}

function assertOwnFields(filters: unknown): void {
  if (typeof filters !== 'object' || filters === null || Array.isArray(filters)) {
    throw invalidRequest('filters must name fields, e.g. filters[name][$eq]=Ada.');
  }
  for (const [key, value] of Object.entries(filters) as [string, unknown][]) {
    if (['$and', '$or'].includes(key) && Array.isArray(value)) value.forEach(assertOwnFields);
    else if (key === '$not') assertOwnFields(value);
    else if (!fields.has(key))
      throw invalidRequest(`filters can name ${[...fields].join(', ')}; not "${key.slice(0, 100)}".`);
  }
}

/** Checks the names in `sort` or `fields`: `name:asc,id`, `[0]=name`, `[name]=asc`. */
function assertNames(parameter: string, value: unknown, known: ReadonlySet<string>): void {
  if (typeof value === 'object' && value !== null) {
    for (const [key, part] of Object.entries(value) as [string, unknown][])
      assertNames(parameter, /^\d+$/u.test(key) ? part : key, known);
    return;
  }
  const names = String(value)
    .split(',')
    .map((text) => text.split(':')[0]?.trim() ?? '');
  if (!names.every((name) => known.has(name)))
    throw invalidRequest(`${parameter} can name ${[...known].join(', ')}.`);
}

const fieldName = z.enum(['url', 'name', 'alternativeText', 'caption', 'width', 'height', 'formats', 'mime']);
const avatarFields = z.strictObject({
  avatar: z.strictObject({ fields: z.union([fieldName, z.array(fieldName)]) }),
});

/** Allows only the picture in `populate`, and its `fields`. The relations of the picture stay hidden. */
function toPopulate(populate: unknown): string[] | object {
  const narrowed = avatarFields.safeParse(populate);
  if (narrowed.success) return narrowed.data;
  const named =
    typeof populate === 'object' && populate !== null ? Object.entries(populate).flat() : [populate];
  const isKnown = named.every((name) => ['*', 'true', 'avatar', '0'].includes(String(name)));
  if (!isKnown) throw invalidRequest('populate can only be avatar.');
  return ['avatar'];
}
