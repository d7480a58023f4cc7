import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  parseDifyConversationPage,
  parseDifyName,
  toDifyConversation,
  toDifyList,
  type Owner,
} from '../../../chat';
import { chatOf } from '../../../app';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';
import { closeSignal } from '../../../middlewares/koasseStream';
import { unlessMissing } from '../unless-missing';

/** Sessions with one character, with the names of Dify. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** GET /api/dify/:character_id/v1/conversations */
  async list(ctx: Context) {
    const owner = ownerOf(ctx);
    const { characterSessions } = chatOf(strapi);
    const character = await characterSessions.findCharacter(ownerOf(ctx), param(ctx, 'character_id'));
    const page = parseDifyConversationPage(ctx.query);
    const { items, hasMore } = await characterSessions.list(owner, character, {
      ...page,
      signal: closeSignal(ctx),
    });
    const data = items.map((session) => toDifyConversation(session, character));
    return toDifyList(page.limit, hasMore, data);
  },

  /** DELETE /api/dify/:character_id/v1/conversations/:conversation_id: as Dify does, it accepts any id. */
  async delete(ctx: Context) {
    const { sessions, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    await writes.count(owner);
    await unlessMissing('session-not-found', async () => {
      const { session } = await find(strapi, ctx, owner);
      await sessions.deleteSession(owner, session.sessionId);
    });
    ctx.status = 204;
  },

  /** POST /api/dify/:character_id/v1/conversations/:conversation_id/name */
  async rename(ctx: Context) {
    const { sessions, characterSessions, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const { character, session } = await find(strapi, ctx, owner);
    const name = parseDifyName(ctx.request.body);
    const title = name ?? (await characterSessions.titleOf(owner, session));
    await writes.count(owner, title.length);
    await sessions.rename(owner, session.sessionId, title);
    return toDifyConversation({ ...session, title }, character);
  },

  /** GET /api/dify/:character_id/v1/conversations/:conversation_id/variables: a character has none. */
  async variables(ctx: Context) {
    await find(strapi, ctx, ownerOf(ctx));
    const { limit } = parseDifyConversationPage(ctx.query);
    return toDifyList(limit, false, []);
  },
});

async function find(strapi: Core.Strapi, ctx: Context, owner: Owner) {
  const { characterSessions } = chatOf(strapi);
  const character = await characterSessions.findCharacter(ownerOf(ctx), param(ctx, 'character_id'));
  const session = await characterSessions.find(owner, character, param(ctx, 'conversation_id').toLowerCase());
  return { character, session };
}
