import { PassThrough } from 'node:stream';

import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context } from 'koa';
import { z } from 'zod';

import { chatOf } from '../../../app';
import { listTrials } from '../../../database/trials/list';
import { readDraft } from '../versions/rights';
import type { AdminRoute, WorkplacePart } from '../part';
import { findTried, sides } from './find-tried';
import { placesOf } from './places';

/** Its id is `api::chat-trials.create`. */
export const trialRight = 'chat-trials.create';

/**
 * Lets editors try a character, for roles with the right `api::chat-trials.create` that may read its prompt.
 *
 * - `POST /admin/character-chat/trials`: streams the answer of the saved draft or of the published version, as events
 *   `{ type: 'delta' | 'replaced' | 'queued' | 'ended', … }`. Questions of the same `trialId` continue each other.
 * - `DELETE /admin/character-chat/trials/:trialId`: no question continues the trial any more.
 * - `GET /admin/character-chat/trials?documentId&before`: the trials of a character by all editors, newest first.
 */
export const trials: WorkplacePart = {
  rights: [{ uid: trialRight, displayName: 'Try characters', subCategory: 'characters' }],
  routes: (strapi): readonly AdminRoute[] => [
    { method: 'POST', path: '/trials', right: trialRight, handler: (ctx) => ask(strapi, ctx) },
    { method: 'GET', path: '/trials', right: trialRight, handler: (ctx) => list(strapi, ctx) },
    { method: 'DELETE', path: '/trials/:trialId', right: trialRight, handler: (ctx) => clear(strapi, ctx) },
  ],
};

export const trialIdSchema = z.string().regex(/^[\w-]{8,64}$/u);
export const maxQueryChars = 20_000;
const documentIdSchema = z.string().min(1).max(255);
/** The largest row id in both databases. */
const maxId = 2_147_483_647;
/** Trials in one reply. Each has its whole answer. */
const pageSize = 10;

const bodySchema = z.object({
  trialId: trialIdSchema,
  documentId: documentIdSchema,
  side: z.enum(sides),
  query: z.string().trim().min(1).max(maxQueryChars),
});

const listSchema = z.object({
  documentId: documentIdSchema,
  before: z.coerce.number().int().min(1).max(maxId).default(maxId),
});

async function ask(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const body = bodySchema.safeParse((ctx.request as { body?: unknown }).body);
  if (!body.success)
    throw new errors.ValidationError(
      `Send trialId, documentId, side (draft or published) and a query of at most ${maxQueryChars} characters.`,
    );
  const { trialId, documentId, side, query } = body.data;
  const { id: adminId, userAbility } = editorOf(ctx);
  const tried = await findTried(strapi, { userAbility }, documentId, side);
  const leave = placesOf(strapi).take(adminId);
  if (leave === null)
    throw new errors.RateLimitError('Too many answers at the same time. Stop one, then try again.');
  const reply = new PassThrough();
  reply.once('close', () => leave.abort());
  ctx.status = 200;
  ctx.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
  ctx.body = reply;
  const thread = threadOf(adminId, trialId, side);
  void chatOf(strapi)
    .trials.ask({ ...tried, thread, adminId, query }, (event) => send(reply, event), leave.signal)
    .finally(() => {
      leave.release();
      reply.end();
    });
}

function send(body: PassThrough, event: object): void {
  if (!body.destroyed && !body.writableEnded) body.write(`data: ${JSON.stringify(event)}\n\n`);
}

async function list(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const query = listSchema.safeParse(ctx.query);
  if (!query.success) throw new errors.ValidationError('Send documentId, and before as an id of a trial.');
  const { documentId, before } = query.data;
  await readDraft(strapi, ctx, documentId);
  const found = await listTrials(strapi.db, documentId, { before, limit: pageSize + 1 });
  const page = found.slice(0, pageSize);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = { data: page, nextBefore: found.length > pageSize ? (page.at(-1)?.id ?? null) : null };
}

async function clear(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const { trialId } = ctx.params as { trialId: string };
  for (const side of sides) await chatOf(strapi).trials.clear(threadOf(editorOf(ctx).id, trialId, side));
  ctx.status = 204;
}

const editorOf = (ctx: Context) => {
  const { user, userAbility } = ctx.state as { user: { id: number }; userAbility: unknown };
  return { id: user.id, userAbility };
};

/** No administrator can continue a trial of another one. A thread belongs to one side of one trial. */
export const threadOf = (adminId: number, trialId: string, side: string | number): string =>
  `${adminId} ${side} ${trialId}`;
