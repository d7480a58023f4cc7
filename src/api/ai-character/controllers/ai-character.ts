import { factories } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError } from '../../../chat';
import { isEndUser } from '../../../owner-of';

/** What an end user may say in the query string. `status` and its relatives reach drafts, `_q` searches every column. */
const endUserParams = new Set([
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

/* eslint-disable @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access --
   Strapi puts its actions on the prototype; for TypeScript `super` is any. */
export default factories.createCoreController('api::ai-character.ai-character', {
  /** GET /api/ai-characters */
  async find(ctx: Context) {
    if (isEndUser(ctx)) ctx.query = toPublishedOnly(ctx.query);
    return super.find(ctx);
  },

  /** GET /api/ai-characters/:id */
  async findOne(ctx: Context) {
    if (isEndUser(ctx)) ctx.query = toPublishedOnly(ctx.query);
    return super.findOne(ctx);
  },
});
/* eslint-enable */

/**
 * The client's filters become one member of `$and`: at the root, a key of theirs (`publishedAt`) would take the place
 * of the one Strapi sets to keep drafts out.
 * @throws ChatError `invalid-request`
 */
function toPublishedOnly(query: Context['query']): Context['query'] {
  const { filters, status = 'published', ...rest } = query as Record<string, unknown>;
  const stranger = Object.keys(rest).find((name) => !endUserParams.has(name));
  if (stranger !== undefined) throw refuse(`There is no parameter "${stranger.slice(0, 100)}".`);
  if (status !== 'published') throw refuse('status can only be published.');
  if (filters !== undefined && (typeof filters !== 'object' || filters === null || Array.isArray(filters))) {
    throw refuse('filters has to name fields, e.g. filters[name][$eq]=Ada.');
  }
  return {
    ...rest,
    status,
    ...(filters !== undefined && { filters: { $and: [filters] } }),
  };
}

function refuse(sentence: string): ChatError {
  return new ChatError('invalid-request', { sentence: sentence.toWellFormed() });
}
