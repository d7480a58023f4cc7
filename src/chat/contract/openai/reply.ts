import { z } from 'zod';

import type { ListedCharacter } from '../../model/character';
import type { Usage } from '../../model/outcome';
import type { TextReader } from '../messages/answer-text';
import { seconds, type Reply } from '../reply';
import type { TerminalWireEvent } from '../stream-event';

/** A published character as a model. */
export const openaiModel = z
  .object({
    id: z.string().describe('The `documentId` of the character.'),
    object: z.literal('model'),
    created: seconds.describe('When the character was created, in seconds since 1970.'),
    owned_by: z.string().describe('This product.'),
    name: z.string().describe('The name of the character.'),
  })
  .meta({ id: 'OpenAIModel' });
export type OpenAIModel = Reply<typeof openaiModel>;

export const openaiModelList = z
  .object({ object: z.literal('list'), data: z.array(openaiModel) })
  .meta({ id: 'OpenAIModelList' });

export function toOpenAIModel({ documentId, name, createdAt }: ListedCharacter): OpenAIModel {
  return {
    id: documentId,
    object: 'model',
    created: Math.floor(createdAt.getTime() / 1_000),
    owned_by: 'character-chat',
    name: name ?? '',
  };
}

export const openaiUsage = z
  .object({
    prompt_tokens: z.number().describe('Tokens of the prompt and the question.'),
    completion_tokens: z.number().describe('Tokens of the answer.'),
    total_tokens: z.number().describe('The sum of both.'),
  })
  .describe('The tokens, as the upstream counts them.');

/** Where the completion is saved. The other APIs take both ids. */
export const openaiMetadata = z
  .object({
    session_id: z.string().describe('The session of the answer.'),
    turn_id: z.string().describe('The turn of the answer.'),
  })
  .describe('The ids of the answer in the other APIs.');

export const finishReasons = ['stop', 'content_filter'] as const;
export type FinishReason = (typeof finishReasons)[number];

/** OpenAI's clients cannot take a text back. */
export const toFinishReason = (text: Pick<TextReader, 'isTakenBack'>): FinishReason =>
  text.isTakenBack() ? 'content_filter' : 'stop';

export const completionId = z.string().describe('`chatcmpl-` and the `turn_id`.');
export const completionModel = z.string().describe('The model that the request names.');
export const finishReason = z
  .enum(finishReasons)
  .describe('`content_filter` if moderation has taken the answer back.');

/** The reply without a stream. */
export const openaiCompletion = z
  .object({
    id: completionId,
    object: z.literal('chat.completion'),
    created: seconds,
    model: completionModel,
    choices: z
      .array(
        z.object({
          index: z.literal(0),
          message: z
            .object({
              role: z.literal('assistant'),
              content: z.string().describe('The text of the answer.'),
              refusal: z.null().describe('Always null.'),
            })
            .describe('The answer.'),
          logprobs: z.null().describe('Always null.'),
          finish_reason: finishReason,
        }),
      )
      .describe('One answer.'),
    usage: openaiUsage,
    metadata: openaiMetadata,
  })
  .meta({ id: 'OpenAICompletion' });

export function toOpenAICompletion(
  end: Extract<TerminalWireEvent, { event: 'message_end' }>,
  { model, finishReason }: { readonly model: string; readonly finishReason: FinishReason },
): Reply<typeof openaiCompletion> {
  return {
    id: toCompletionId(end.turn_id),
    object: 'chat.completion',
    created: end.created_at,
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: end.data.at(-1)?.answer ?? '', refusal: null },
        logprobs: null,
        finish_reason: finishReason,
      },
    ],
    usage: toOpenAIUsage(end.metadata.usage),
    metadata: { session_id: end.session_id, turn_id: end.turn_id },
  };
}

/** OpenAI's ids begin like this, and some clients check it. */
export const toCompletionId = (turnId: string): string => `chatcmpl-${turnId}`;

/** OpenAI's clients expect the three numbers, also if the upstream has reported none. */
export function toOpenAIUsage(usage: Usage | null): Reply<typeof openaiUsage> {
  return {
    prompt_tokens: Number(usage?.['prompt_tokens'] ?? 0),
    completion_tokens: Number(usage?.['completion_tokens'] ?? 0),
    total_tokens: Number(usage?.['total_tokens'] ?? 0),
  };
}
