import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';
import { z } from 'zod';

import { upstreamsOf } from '../../../app';
import { defaultChoice, upstreamKinds, type UpstreamChoice } from '../../../chat';
import {
  toUpstreamChoice,
  upstreamColumns,
  type UpstreamColumns,
} from '../../../database/characters/upstream-choice';
import type { WorkplacePart } from '../part';
import { characterUid } from '../../../database/characters/uid';

const querySchema = z.object({
  documentId: z.string().max(64).optional().catch(undefined),
  /** The choice in the form, which is not saved yet. Empty: the default of the settings. */
  upstream: z.enum(upstreamKinds).nullable().catch(null),
});

/** What the form of characters asks the server. */
export const formPart: WorkplacePart = {
  rights: [],
  routes: (strapi) => [
    {
      method: 'GET',
      path: '/prompt-limit',
      right: { action: 'plugin::content-manager.explorer.read', subject: characterUid },
      handler: (ctx) => replyWithPromptLimit(strapi, ctx),
    },
  ],
};

/** `GET /admin/character-chat/prompt-limit?documentId=…&upstream=…` returns `{ data: { maxChars } }`. Null: no limit. */
async function replyWithPromptLimit(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const { documentId, upstream } = querySchema.parse(ctx.query);
  const saved = documentId === undefined ? defaultChoice : await findChoice(strapi, documentId);
  // A key is only for the kind of upstream that it was entered for.
  const choice = saved.kind === upstream ? saved : { ...defaultChoice, kind: upstream };
  const limit = upstreamsOf(strapi).promptLimitOf(choice);
  const maxChars = limit === null ? null : await limit.read().catch(() => limit.last());
  ctx.body = { data: { maxChars } };
}

/** Returns the choice of the draft. */
async function findChoice(strapi: Core.Strapi, documentId: string): Promise<UpstreamChoice> {
  const where = { documentId, publishedAt: null };
  const row = (await strapi.db
    .query(characterUid)
    .findOne({ where, select: [...upstreamColumns] })) as UpstreamColumns | null;
  return row === null ? defaultChoice : toUpstreamChoice({ ...row, document_id: documentId });
}
