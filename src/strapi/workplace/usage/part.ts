import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { historyOf } from '../../../app';
import type { WorkplacePart } from '../part';
import { toCsv } from './csv';

/** Its id is `api::chat-usage.read`. */
export const usageRight = 'chat-usage.read';

/** The sums of the history for editors: messages, users, tokens, prices, errors, ratings and waiting times. */
export const usage: WorkplacePart = {
  rights: [{ uid: usageRight, displayName: 'Read the usage of characters', subCategory: 'usage' }],
  routes: (strapi) => [
    { method: 'GET', path: '/usage', right: usageRight, handler: (ctx) => read(strapi, ctx) },
    { method: 'GET', path: '/usage.csv', right: usageRight, handler: (ctx) => download(strapi, ctx) },
  ],
};

/** GET /admin/character-chat/usage?from&to&by&character&model */
async function read(strapi: Core.Strapi, ctx: Context): Promise<void> {
  ctx.body = { data: await historyOf(strapi).readUsage(ctx.query) };
}

/** GET /admin/character-chat/usage.csv with the same parameters */
async function download(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const reply = await historyOf(strapi).readUsage(ctx.query);
  const { from, to, by } = reply;
  ctx.attachment(`usage-by-${by}-${from}-${to}.csv`);
  ctx.type = 'text/csv; charset=utf-8';
  ctx.body = toCsv(reply);
}
