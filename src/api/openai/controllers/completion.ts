import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import {
  ChatError,
  openaiFraming,
  parseCompletion,
  parseIdempotencyKey,
  readCompletion,
  toOpenAICompletion,
  toOpenAIFrames,
  type CompletionRequest,
  type Owner,
  type Question,
  type Sent,
} from '../../../chat';
import { chatOf } from '../../../app';
import { ownerOf } from '../../../http/owner';
import { readBodyWithFiles } from '../../../http/requests/body-with-files';
import { setRateLimit } from '../../../http/rate-limit';
import { closeSignal, type EventSource } from '../../../middlewares/koasseStream';

type CompletionReply = ReturnType<typeof toOpenAICompletion>;

/** Questions as OpenAI's chat completions. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** POST /api/openai/v1/chat/completions. The body's `stream` chooses the form of the reply, never `Accept`. */
  async create(ctx: Context): Promise<EventSource | CompletionReply> {
    const { turns, settings } = chatOf(strapi);
    const owner = ownerOf(ctx);
    const body = await readBodyWithFiles(ctx, settings.files.maxBodyBytes);
    const request = parseCompletion(body, settings.request);
    const key = parseIdempotencyKey(ctx.get('Idempotency-Key'));
    const toQuestion = () => toQuestionOf(strapi, owner, request);
    const isRetry = Number(ctx.get('X-Stainless-Retry-Count')) > 0;
    const sent =
      key === undefined
        ? await turns.sendUnkeyed(owner, { api: 'openai', body, isRetry }, toQuestion)
        : await turns.sendKeyed(owner, { key, body }, toQuestion);
    return answer(ctx, sent, request);
  },
});

async function toQuestionOf(
  strapi: Core.Strapi,
  owner: Owner,
  { characterId, query, images, earlier, sessionId }: CompletionRequest,
): Promise<Question> {
  const { characterSessions, findThread, uploads } = chatOf(strapi);
  const character = await characterSessions.findCharacter(owner, characterId);
  const session = await findThread(owner, character, { sessionId, earlier });
  const files = await uploads.addInline(owner, character.documentId, images);
  return {
    owner,
    characterId: character.documentId,
    query,
    files,
    inputs: {},
    session: { sessionId: session },
  };
}

/** Replies with chunks or, after the turn has ended, with a completion. */
async function answer(
  ctx: Context,
  sent: Sent,
  { characterId: model, isStreaming, withUsage }: CompletionRequest,
): Promise<EventSource | CompletionReply> {
  if (sent.isReplay) ctx.set('Idempotent-Replayed', 'true');
  if (sent.rateLimit !== null) setRateLimit(ctx, sent.rateLimit);
  const wasTakenBack = await sent.wasTakenBack();
  if (isStreaming) {
    const options = { model, withUsage, wasTakenBack };
    return {
      follow: (signal: AbortSignal) => toOpenAIFrames(sent.follow(signal), options),
      framing: openaiFraming,
    };
  }
  const completion = await readCompletion(sent.follow(closeSignal(ctx)), wasTakenBack);
  if (completion === null) throw new ChatError('turn-not-found');
  const { end, finishReason } = completion;
  if (end.event === 'error') throw new ChatError(end.code, { sentence: end.message });
  return toOpenAICompletion(end, { model, finishReason });
}
