import { createReadStream } from 'node:fs';

import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  ChatError,
  difyFraming,
  invalidRequest,
  parseDifyFeedback,
  parseDifyMessagePage,
  parseDifyQuestion,
  parseIdempotencyKey,
  parseUpload,
  toDifyAnswer,
  toDifyConsoleMessage,
  toDifyFrames,
  toDifyList,
  toDifyMessage,
  toUploadReply,
  type Owner,
  type Sent,
} from '../../../chat';
import { chatOf } from '../../../app';
import { ownerOf } from '../../../http/owner';
import { param } from '../../../http/param';
import { setRateLimit } from '../../../http/rate-limit';
import { closeSignal, type EventSource } from '../../../middlewares/koasseStream';
import { unlessMissing } from '../unless-missing';

const success = { result: 'success' };

/** Questions to one character, and their answers, with the names of Dify. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /**
   * POST /api/dify/:character_id/v1/chat-messages, POST /console/api/apps/:character_id/chat-messages.
   * Only `response_mode` chooses the form of the reply. Dify's clients accept anything.
   */
  async send(ctx: Context): Promise<EventSource | ReturnType<typeof toDifyAnswer>> {
    const { turns, settings, characterSessions } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const character = await characterOf(strapi, ctx);
    const { conversationId, isStreaming, ...asked } = parseDifyQuestion(ctx.request.body, settings.request);
    const key = parseIdempotencyKey(ctx.get('Idempotency-Key'));
    const session =
      conversationId === undefined
        ? undefined
        : await characterSessions.find(owner, character, conversationId);
    const question = {
      owner,
      characterId: character.documentId,
      ...asked,
      session: { sessionId: session?.sessionId },
    };
    return answer(ctx, await turns.send(question, key), isStreaming);
  },

  /** POST …/chat-messages/:task_id/stop. The id of a task is the id of its turn. As Dify does, it accepts any id. */
  async stop(ctx: Context) {
    const { turns, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    await characterOf(strapi, ctx);
    await writes.count(owner);
    await unlessMissing('turn-not-found', () => turns.stop(owner, param(ctx, 'task_id').toLowerCase()));
    return success;
  },

  /** GET /api/dify/:character_id/v1/messages */
  async list(ctx: Context) {
    const owner = ownerOf(ctx);
    const { links } = chatOf(strapi).answerFiles;
    const { page, session, answers, before } = await findAnswers(strapi, ctx, owner);
    const data = answers.map((message) => toDifyMessage(message, { owner, session, links }));
    return toDifyList(page.limit, before !== null, data);
  },

  /** GET /console/api/apps/:character_id/chat-messages */
  async listInConsole(ctx: Context) {
    const { settings, answerFiles } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const { page, character, session, answers, before } = await findAnswers(strapi, ctx, owner);
    const prompt = settings.turns.exposePrompt ? character.prompt : null;
    const context = { owner, session, prompt, links: answerFiles.links };
    const data = answers.map((message, index) => {
      const parent = answers[index - 1] ?? before;
      return toDifyConsoleMessage(message, { ...context, parent });
    });
    return toDifyList(page.limit, before !== null, data);
  },

  /** POST /api/dify/:character_id/v1/messages/:message_id/feedbacks */
  async rate(ctx: Context) {
    const { messageActions, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const message = await findMessage(strapi, ctx, owner);
    const feedback = parseDifyFeedback(ctx.request.body);
    if (feedback.rating === null && message.feedback === null) {
      throw invalidRequest('rating cannot be None when feedback not exists');
    }
    await writes.count(owner);
    await messageActions.rate(owner, message.messageId, feedback);
    return success;
  },

  /** GET /api/dify/:character_id/v1/messages/:message_id/suggested */
  async suggest(ctx: Context) {
    const { messageActions, writes } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const { messageId } = await findMessage(strapi, ctx, owner);
    // The server writes nothing, but Dify calls a model. So the request counts as a write.
    await writes.count(owner);
    return { ...success, data: await messageActions.suggestQuestions(owner, messageId) };
  },

  /** POST /api/dify/:character_id/v1/files/upload */
  async upload(ctx: Context) {
    const owner = ownerOf(ctx);
    const { documentId: character_id } = await characterOf(strapi, ctx);
    const { files } = ctx.request as { readonly files?: unknown };
    const { characterId, file } = parseUpload({ character_id }, files);
    const open = () => createReadStream(file.filepath);
    const upload = await chatOf(strapi).uploads.add(owner, characterId, { ...file, open });
    ctx.status = 201;
    return toUploadReply(upload, owner);
  },
});

/** Replies with Dify's events or, after the turn has ended, with JSON. */
async function answer(ctx: Context, sent: Sent, isStreaming: boolean) {
  if (sent.isReplay) ctx.set('Idempotent-Replayed', 'true');
  if (sent.rateLimit !== null) setRateLimit(ctx, sent.rateLimit);
  if (isStreaming) {
    return { follow: (signal: AbortSignal) => toDifyFrames(sent.follow(signal)), framing: difyFraming };
  }
  const end = await sent.awaitEnd(closeSignal(ctx));
  if (end === null) throw new ChatError('turn-not-found');
  if (end.event === 'error') throw new ChatError(end.code, { sentence: end.message });
  return toDifyAnswer(end);
}

async function findAnswers(strapi: Core.Strapi, ctx: Context, owner: Owner) {
  const { characterSessions } = chatOf(strapi);
  const character = await characterOf(strapi, ctx);
  const page = parseDifyMessagePage(ctx.query);
  const session = await characterSessions.find(owner, character, page.conversationId);
  const found = await characterSessions.listAnswers(owner, session, { ...page, signal: closeSignal(ctx) });
  return { page, character, session, ...found };
}

async function findMessage(strapi: Core.Strapi, ctx: Context, owner: Owner) {
  const { characterSessions } = chatOf(strapi);
  const messageId = param(ctx, 'message_id');
  return characterSessions.findMessage(owner, await characterOf(strapi, ctx), messageId);
}

function characterOf(strapi: Core.Strapi, ctx: Context) {
  return chatOf(strapi).characterSessions.findCharacter(ownerOf(ctx), param(ctx, 'character_id'));
}
