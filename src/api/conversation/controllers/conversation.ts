import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  assertOwn,
  parseConversationId,
  parseConversationPage,
  parseConversationRequest,
  parseConversationMessage,
  parseConversationPart,
  storedChars,
  storedCharsOf,
  toConversationReply,
  toConversationMessageReply,
  type Message,
} from '../../../chat';
import { chatOf } from '../../../app';
import { loginEndOf } from '../../../strapi/logins/login-end';
import { closeSignal } from '../../../middlewares/koasseStream';
import { ownerOf } from '../../../http/owner';
import { replyWithList } from '../../../http/text-stream';

/** The conversation API: sessions and their messages, with the names of its contract. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** POST /conversations */
  async findOrCreate(ctx: Context) {
    const owner = ownerOf(ctx);
    const { userId, isNew } = parseConversationRequest(ctx.query, ctx.request.body);
    assertOwn(owner, userId);
    const { sessions, writes } = chatOf(strapi);
    await writes.count(owner, storedChars(''));
    const session = isNew
      ? await sessions.create(owner, { title: '', character: undefined })
      : await sessions.findLatestOrCreate(owner);
    return toConversationReply(session, owner);
  },

  /** GET /users/:user_id/conversations */
  async list(ctx: Context) {
    const owner = ownerOf(ctx);
    assertOwn(owner, String(paramsOf(ctx)['user_id']));
    const { items } = await chatOf(strapi).sessions.list(
      owner,
      parseConversationPage(ctx.query),
      closeSignal(ctx),
    );
    return items.map((session) => toConversationReply(session, owner));
  },

  /** POST /conversations/:conversation_id/messages */
  async addMessage(ctx: Context) {
    const { sessions, settings, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const id = parseConversationId(paramsOf(ctx)['conversation_id']);
    const message = parseConversationMessage(ctx.query, ctx.request.body, settings.request);
    await writes.count(owner, storedCharsOf(message));
    return toConversationMessageReply(await sessions.addMessage(owner, id, message));
  },

  /** GET /conversations/:conversation_id/messages */
  async listMessages(ctx: Context) {
    const owner = ownerOf(ctx);
    const id = parseConversationId(paramsOf(ctx)['conversation_id']);
    const part = parseConversationPart(ctx.query);
    const pages = await chatOf(strapi).sessions.walkMessages(owner, id, part);
    const loginEnd = loginEndOf(strapi, ctx);
    await replyWithList(ctx, { log: strapi.log, loginEnd }, toReplies(pages));
  },
});

function paramsOf(ctx: Context): Readonly<Record<string, unknown>> {
  return ctx['params'] as Readonly<Record<string, unknown>>;
}

async function* toReplies(pages: AsyncIterable<readonly Message[]>) {
  for await (const messages of pages) yield messages.map(toConversationMessageReply);
}
