import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  aiSdkFraming,
  parseAiSdkRequest,
  parseIdempotencyKey,
  toAiSdkFrames,
  toAiSdkMessages,
  type QuestionFile,
  type Sent,
} from '../../../chat';
import { chatOf } from '../../../app';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';
import { readBodyWithFiles } from '../../../http/requests/body-with-files';
import { setRateLimit } from '../../../http/rate-limit';
import { replyWithList } from '../../../http/text-stream';
import type { EventSource } from '../../../middlewares/koasseStream';
import { loginEndOf } from '../../../strapi/logins/login-end';

/** Chats for clients of the AI SDK. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** POST /api/ai-sdk/chat. The reply is always a stream. */
  async send(ctx: Context): Promise<EventSource> {
    const { clientChats, settings } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const sent = await clientChats.send(owner, async () => {
      const body = await readBodyWithFiles(ctx, settings.files.maxBodyBytes);
      const request = parseAiSdkRequest(body, settings.request);
      const key = parseIdempotencyKey(ctx.get('Idempotency-Key'));
      return { request, body, ...(key !== undefined && { key }) };
    });
    if (sent.isReplay) ctx.set('Idempotent-Replayed', 'true');
    if (sent.rateLimit !== null) setRateLimit(ctx, sent.rateLimit);
    return toStream(ctx, sent.follow, await sent.wasTakenBack());
  },

  /** GET /api/ai-sdk/chat/:chat_id */
  async messages(ctx: Context) {
    const { clientChats, sessions, answerFiles, uploads } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const { sessionId } = await clientChats.find(owner, param(ctx, 'chat_id'));
    const all = { id: 0, limit: Number.MAX_SAFE_INTEGER };
    const pages = await sessions.walkMessages(owner, sessionId, all);
    const loginEnd = loginEndOf(strapi, ctx);
    const uploadsOf = (files: readonly QuestionFile[]) => uploads.describe(owner, files);
    const messages = toAiSdkMessages(pages, { owner, links: answerFiles.links, uploadsOf });
    await replyWithList(ctx, { log: strapi.log, loginEnd }, messages);
  },

  /** GET /api/ai-sdk/chat/:chat_id/stream. A page asks this also for a chat that does not exist yet. */
  async resume(ctx: Context): Promise<EventSource | null> {
    const follow = await chatOf(strapi).clientChats.follow(ownerOf(ctx), param(ctx, 'chat_id'));
    if (follow === null) ctx.status = 204;
    return follow === null ? null : toStream(ctx, follow);
  },

  /** POST /api/ai-sdk/chat/:chat_id/stop */
  async stop(ctx: Context) {
    const { clientChats, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    await writes.count(owner);
    await clientChats.stop(owner, param(ctx, 'chat_id'));
    ctx.status = 204;
  },
});

function toStream(ctx: Context, follow: Sent['follow'], wasTakenBack = false): EventSource {
  ctx.set('x-vercel-ai-ui-message-stream', 'v1');
  return { follow: (signal) => toAiSdkFrames(follow(signal), wasTakenBack), framing: aiSdkFraming };
}
