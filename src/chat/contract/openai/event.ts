import { z } from 'zod';

import type { ChatError } from '../../errors';
import { seconds, type Reply } from '../reply';
import type { WireEvent } from '../stream-event';
import { createTextReader } from '../messages/answer-text';
import { openaiError, toOpenAIError } from './error';
import {
  completionId,
  completionModel,
  finishReason,
  openaiMetadata,
  openaiUsage,
  toCompletionId,
  toFinishReason,
  toOpenAIUsage,
} from './reply';

/** One piece of a streamed completion. Source: `POST /chat/completions` of OpenAI with `stream: true`. */
export const openaiChunk = z.object({
  id: completionId,
  object: z.literal('chat.completion.chunk'),
  created: seconds,
  model: completionModel,
  choices: z
    .array(
      z.object({
        index: z.literal(0),
        delta: z
          .object({
            role: z.literal('assistant').optional(),
            content: z.string().optional().describe('The next piece of the answer.'),
          })
          .describe('What the chunk adds.'),
        logprobs: z.null().describe('Always null.'),
        finish_reason: finishReason.nullable().describe('Why the answer has ended. Null before its end.'),
      }),
    )
    .describe('One piece. Empty in the chunk with the usage.'),
  usage: openaiUsage
    .nullable()
    .optional()
    .describe('The tokens, in the last chunk, if the client asks for it.'),
  metadata: openaiMetadata.optional(),
});
export type OpenAIChunk = Reply<typeof openaiChunk>;

/** The events of the stream. After the last one comes the line `data: [DONE]`. */
export const openaiEvent = z.union([openaiChunk, openaiError]).meta({ id: 'OpenAIEvent' });

export interface ChunkOptions {
  readonly model: string;
  /** Whether the client has asked for the chunk with the usage. Others fail on a chunk without a choice. */
  readonly withUsage: boolean;
  /** See `Sent.wasTakenBack`. */
  readonly wasTakenBack: boolean;
}

/** Converts the events of one turn, in order. */
export function createToChunks({
  model,
  withUsage,
  wasTakenBack,
}: ChunkOptions): (event: WireEvent) => readonly string[] {
  const text = createTextReader(wasTakenBack);

  return function toChunks(event) {
    switch (event.event) {
      case 'turn_started': {
        const { session_id, turn_id } = event;
        const first = toChunk(event, { role: 'assistant', content: '' });
        return [JSON.stringify({ ...first, metadata: { session_id, turn_id } })];
      }
      case 'message':
      case 'message_replace': {
        const content = text.read(event);
        return content === '' ? [] : [JSON.stringify(toChunk(event, { content }))];
      }
      case 'message_end': {
        const end = toChunk(event, {}, toFinishReason(text));
        const usage = { ...end, choices: [], usage: toOpenAIUsage(event.metadata.usage) };
        return [end, ...(withUsage ? [usage] : [])].map((chunk) => JSON.stringify(chunk)).concat(done);
      }
      case 'error':
        return [JSON.stringify(toOpenAIError(event).body), done];
      case 'queued':
      case 'message_file':
        return [];
    }
  };

  function toChunk(
    { turn_id, created_at }: WireEvent,
    delta: OpenAIChunk['choices'][number]['delta'],
    finishReason: OpenAIChunk['choices'][number]['finish_reason'] = null,
  ): OpenAIChunk {
    return {
      id: toCompletionId(turn_id),
      object: 'chat.completion.chunk',
      created: created_at,
      model,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      ...(withUsage && { usage: null }),
    };
  }
}

/** Ends each stream. Some clients wait for it. */
const done = '[DONE]';

/** Returns the JSON of an error event, for a follower that must not continue. Nothing follows the end. */
export function toLastOpenAIEvent(last: string | undefined, error: ChatError): string | undefined {
  return last === done ? undefined : JSON.stringify(toOpenAIError(error).body);
}
