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
import { streamText, type StreamedText } from '../../../http/text-stream';

const jsonType = 'application/json; charset=utf-8';
/** A list up to here is a reply like any other, with a tag. The server sends a longer one while it reads it. */
const maxTaggedChars = 200_000;

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
    await replyWithList(ctx, { type: jsonType, log: strapi.log, loginEnd }, toTexts(pages));
  },
});

function paramsOf(ctx: Context): Readonly<Record<string, unknown>> {
  return ctx['params'] as Readonly<Record<string, unknown>>;
}

/** @param items pieces of the list, without the commas between them. */
async function replyWithList(
  ctx: Context,
  options: StreamedText,
  items: AsyncGenerator<string, void>,
): Promise<void> {
  let begun = '';
  while (begun.length <= maxTaggedChars) {
    const next = await items.next();
    if (next.done === true) {
      ctx.type = options.type;
      ctx.body = `[${begun}]`;
      return;
    }
    begun = begun === '' ? next.value : `${begun},${next.value}`;
  }
  await streamText(ctx, options, toJsonList(begun, items));
}

/** Ends `rest` when it is ended itself. */
async function* toJsonList(begun: string, rest: AsyncGenerator<string, void>): AsyncGenerator<string, void> {
  try {
    yield `[${begun}`;
    for await (const items of rest) yield `,${items}`;
    yield ']';
  } finally {
    await rest.return();
  }
}

async function* toTexts(pages: AsyncIterable<readonly Message[]>): AsyncGenerator<string, void> {
  for await (const messages of pages)
    yield messages.map((message) => JSON.stringify(toConversationMessageReply(message))).join(',');
}
