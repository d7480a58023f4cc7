import { z } from 'zod';

import type { ListedCharacter } from '../../model/character';
import type { Usage } from '../../model/outcome';
import { seconds, type Reply } from '../reply';
import type { TerminalWireEvent } from '../stream-event';

/** A published character as a model. */
export const openaiModel = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: seconds,
    owned_by: z.string(),
    name: z.string(),
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

export const openaiUsage = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  total_tokens: z.number(),
});

/** Where the completion is saved. The other APIs take both ids. */
export const openaiMetadata = z.object({ session_id: z.string(), turn_id: z.string() });

export const finishReasons = ['stop', 'content_filter'] as const;
export type FinishReason = (typeof finishReasons)[number];

/** The reply without a stream. */
export const openaiCompletion = z
  .object({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: seconds,
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.literal(0),
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs: z.null(),
        finish_reason: z.enum(finishReasons),
      }),
    ),
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
