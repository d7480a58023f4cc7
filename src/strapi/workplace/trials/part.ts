import { PassThrough } from 'node:stream';

import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context } from 'koa';
import { z } from 'zod';

import { chatOf, publishedCharactersOf } from '../../../app';
import type { Character } from '../../../chat';
import { findDraft } from '../../../database/characters/draft';
import type { AdminRoute, WorkplacePart } from '../part';
import { readDraft } from '../versions/rights';
import { createPlaces } from './places';

const right = 'chat-trials.create';

/**
 * Lets editors try a character, for roles with the right `api::chat-trials.create` that may read its prompt.
 *
 * - `POST /admin/character-chat/trials`: streams the answer of the saved draft or of the published version, as events
 *   `{ type: 'delta' | 'replaced' | 'queued' | 'ended', … }`. Questions of the same `trialId` continue each other.
 * - `DELETE /admin/character-chat/trials/:trialId`: forgets the questions and answers of a trial.
 */
export const trials: WorkplacePart = {
  rights: [{ uid: right, displayName: 'Try characters', subCategory: 'characters' }],
  routes(strapi): readonly AdminRoute[] {
    const places = createPlaces();
    return [
      { method: 'POST', path: '/trials', right, handler: (ctx) => ask(strapi, ctx, places) },
      { method: 'DELETE', path: '/trials/:trialId', right, handler: (ctx) => clear(strapi, ctx) },
    ];
  },
};

const sides = ['draft', 'published'] as const;
const trialIdSchema = z.string().regex(/^[\w-]{8,64}$/u);
const maxQueryChars = 20_000;

const bodySchema = z.object({
  trialId: trialIdSchema,
  documentId: z.string().min(1).max(255),
  side: z.enum(sides),
  query: z.string().trim().min(1).max(maxQueryChars),
});

async function ask(
  strapi: Core.Strapi,
  ctx: Context,
  places: ReturnType<typeof createPlaces>,
): Promise<void> {
  const body = bodySchema.safeParse((ctx.request as { body?: unknown }).body);
  if (!body.success)
    throw new errors.ValidationError(
      `Send trialId, documentId, side (draft or published) and a query of at most ${maxQueryChars} characters.`,
    );
  const { trialId, documentId, side, query } = body.data;
  await readDraft(strapi, ctx, documentId);
  const character = await findCharacter(strapi, documentId, side);
  const leave = places.take(adminOf(ctx));
  if (leave === null)
    throw new errors.RateLimitError('Too many answers at the same time. Stop one, then try again.');
  const body_ = new PassThrough();
  body_.once('close', () => leave.abort());
  ctx.status = 200;
  ctx.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
  ctx.body = body_;
  const thread = threadOf(ctx, trialId, side);
  void chatOf(strapi)
    .trials.ask({ thread, character, query }, (event) => send(body_, event), leave.signal)
    .finally(() => {
      leave.release();
      body_.end();
    });
}

function send(body: PassThrough, event: object): void {
  if (!body.destroyed && !body.writableEnded) body.write(`data: ${JSON.stringify(event)}\n\n`);
}

async function clear(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const { trialId } = ctx.params as { trialId: string };
  for (const side of sides) chatOf(strapi).trials.clear(threadOf(ctx, trialId, side));
  ctx.status = 204;
}

/** @throws NotFoundError if the character is not published. @throws ValidationError if it has no prompt. */
async function findCharacter(strapi: Core.Strapi, documentId: string, side: (typeof sides)[number]) {
  const character: Character | null =
    side === 'draft'
      ? await findDraft(strapi.db, documentId)
      : await publishedCharactersOf(strapi).findPublished(documentId);
  if (character === null) throw new errors.NotFoundError('The character is not published.');
  const { prompt } = character;
  if (prompt === null || prompt.trim() === '')
    throw new errors.ValidationError('The character has no prompt. Write one, and save it.');
  return { ...character, prompt };
}

const adminOf = (ctx: Context): number => (ctx.state as { user: { id: number } }).user.id;

/** No administrator can continue a trial of another one. */
const threadOf = (ctx: Context, trialId: string, side: string): string =>
  `${adminOf(ctx)} ${side} ${trialId}`;
