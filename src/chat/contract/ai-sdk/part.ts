import { z } from 'zod';

import type { ChatError } from '../../errors';
import { createTextReader } from '../messages/answer-text';
import type { Reply } from '../reply';
import { place, type WireEvent } from '../stream-event';
import { aiSdkFilePart, aiSdkIds, aiSdkUsage, toAiSdkUsage, toFilePart } from './message';

const textId = z.string().describe('The text that the part belongs to.');

/**
 * The parts of a stream. After the last one comes the line `data: [DONE]`.
 * Source: the UI message stream of the package `ai`, version 6.
 */
export const aiSdkPart = z
  .discriminatedUnion('type', [
    z
      .object({
        type: z.literal('start'),
        messageId: z.string().describe('The `turn_id`. It is the same whenever a client follows the answer.'),
        messageMetadata: aiSdkIds.describe('The ids of the answer in the other APIs.'),
      })
      .describe('The first part: the question is saved.'),
    z
      .object({
        type: z.literal('data-queued'),
        data: z.object({ place }).describe('Where the question waits.'),
        transient: z.literal(true).describe('Only `onData` gets the part. It is in no message.'),
      })
      .describe('The question waits for its upstream. The part comes again when the place changes.'),
    z.object({ type: z.literal('text-start'), id: textId }).describe('The text begins.'),
    z
      .object({ type: z.literal('text-delta'), id: textId, delta: z.string().describe('Text to append.') })
      .describe('A piece of the text.'),
    z.object({ type: z.literal('text-end'), id: textId }).describe('The text has ended.'),
    aiSdkFilePart,
    z
      .object({
        type: z.literal('finish'),
        finishReason: z
          .enum(['stop', 'content-filter'])
          .describe('`content-filter` if moderation has taken back the text. The history has the new one.'),
        messageMetadata: z
          .object({
            outcome: z.enum(['completed', 'stopped']).describe('`stopped` if its user ended the answer.'),
            usage: aiSdkUsage.nullable().describe('The tokens of the answer, or null.'),
          })
          .describe('How the answer ended.'),
      })
      .describe('The answer is saved. It is complete, or its user stopped it.'),
    z
      .object({ type: z.literal('error'), errorText: z.string().describe('A fixed sentence for people.') })
      .describe('The answer ended early, and the text so far is saved. Or the login has ended.'),
  ])
  .meta({ id: 'AiSdkPart' });
export type AiSdkPart = Reply<typeof aiSdkPart>;

/** Ends each stream. */
const done = '[DONE]';
/** An answer has one text. */
const text = 'text';

/**
 * Converts the events of one turn, in order, to the JSON of parts.
 * @param wasTakenBack see `Sent.wasTakenBack`.
 */
export function createToAiSdkParts(wasTakenBack = false): (event: WireEvent) => readonly string[] {
  const reader = createTextReader(wasTakenBack);
  const files = new Set<string>();
  let isTextOpen = false;

  return (event) => {
    const parts = toParts(event).map((part) => JSON.stringify(part));
    return event.event === 'message_end' || event.event === 'error' ? [...parts, done] : parts;
  };

  function toParts(event: WireEvent): readonly AiSdkPart[] {
    switch (event.event) {
      case 'turn_started': {
        const { turn_id, session_id } = event;
        return [{ type: 'start', messageId: turn_id, messageMetadata: { session_id, turn_id } }];
      }
      case 'message':
      case 'message_replace':
        return toTextParts(reader.read(event));
      case 'message_file':
        if (files.has(event.id)) return [];
        files.add(event.id);
        return [toFilePart(event)];
      case 'message_end': {
        const finishReason = reader.isTakenBack() ? 'content-filter' : 'stop';
        const messageMetadata = { outcome: event.outcome, usage: toAiSdkUsage(event.metadata.usage) };
        return [...endOfText(), { type: 'finish', finishReason, messageMetadata }];
      }
      case 'error':
        return [...endOfText(), { type: 'error', errorText: event.message }];
      case 'queued':
        return [{ type: 'data-queued', data: { place: event.place }, transient: true }];
    }
  }

  function toTextParts(delta: string): readonly AiSdkPart[] {
    if (delta === '') return [];
    const start: AiSdkPart[] = isTextOpen ? [] : [{ type: 'text-start', id: text }];
    isTextOpen = true;
    return [...start, { type: 'text-delta', id: text, delta }];
  }

  function endOfText(): readonly AiSdkPart[] {
    return isTextOpen ? [{ type: 'text-end', id: text }] : [];
  }
}

/** Returns the JSON of an error part, for a follower that must not continue. Nothing follows the end. */
export function toLastAiSdkPart(last: string | undefined, { message }: ChatError): string | undefined {
  return last === done
    ? undefined
    : JSON.stringify({ type: 'error', errorText: message } satisfies AiSdkPart);
}
