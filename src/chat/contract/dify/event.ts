import { z } from 'zod';

import type { ChatError } from '../../errors';
import type { Usage } from '../../model/outcome';
import { answerFileReply } from '../file/link';
import { seconds, usageReply, type Reply } from '../reply';
import { difyError, toDifyError } from './error';
import type { TerminalWireEvent, WireEvent } from '../stream-event';

/*
 * Events as Dify's own clients expect them: Dify's fields in Dify's order, and no event or field of this server.
 * Source: `POST /chat-messages` of Dify's Service API and console API.
 */

/** The ids of an answer. Every event has them. */
const ids = z.object({ conversation_id: z.string(), message_id: z.string(), created_at: seconds });
export type DifyIds = Reply<typeof ids>;

const identified = ids.extend({ task_id: z.string() });
type Identified = Reply<typeof identified>;

export const difyMetadata = z
  .object({ annotation_reply: z.null(), retriever_resources: z.array(z.never()), usage: usageReply })
  .meta({ id: 'DifyMetadata' });
export type DifyMetadata = Reply<typeof difyMetadata>;

export const difyEvent = z
  .discriminatedUnion('event', [
    identified.extend({
      event: z.literal('message'),
      id: z.string(),
      answer: z.string(),
      from_variable_selector: z.null(),
    }),
    identified.extend({ event: z.literal('message_replace'), answer: z.string(), reason: z.literal('') }),
    identified.extend({ event: z.literal('message_file'), ...answerFileReply.shape }),
    identified.extend({
      event: z.literal('message_end'),
      id: z.string(),
      metadata: difyMetadata,
      files: z.null(),
    }),
    // The ids are unknown if the login ends before the first event.
    ids.partial().extend({ event: z.literal('error'), ...difyError.shape }),
  ])
  .meta({ id: 'DifyEvent' });
export type DifyEvent = Reply<typeof difyEvent>;

type LostIds = { readonly [Name in keyof DifyIds]: DifyIds[Name] | undefined };

/** The reply in blocking mode. */
export const difyAnswer = identified
  .extend({
    event: z.literal('message'),
    id: z.string(),
    mode: z.literal('chat'),
    answer: z.string(),
    metadata: difyMetadata,
  })
  .meta({ id: 'DifyAnswer' });
export type DifyAnswer = Reply<typeof difyAnswer>;

/** Converts an event of a turn. Dify has no event for the start and the queue, and ends every answer with "". */
export function toDifyEvents(event: WireEvent): readonly DifyEvent[] {
  const ids = idsOf(event);
  const identified = { ...ids, task_id: event.task_id };
  switch (event.event) {
    case 'turn_started':
    case 'queued':
      return [];
    case 'message':
      return [toPiece(identified, event.answer)];
    case 'message_replace':
      return [{ event: 'message_replace', ...identified, answer: event.answer, reason: '' }];
    case 'message_file': {
      const { id, type, belongs_to, url } = event;
      return [{ event: 'message_file', ...identified, id, type, belongs_to, url }];
    }
    case 'message_end': {
      const metadata = toMetadata(event.metadata.usage);
      const end = { event: 'message_end', ...identified, id: event.id, metadata, files: null } as const;
      return [toPiece(identified, ''), end];
    }
    case 'error':
      return [toErrorEvent(ids, event)];
  }
}

/** Returns the reply in blocking mode for an answer that has ended. */
export function toDifyAnswer(end: Extract<TerminalWireEvent, { event: 'message_end' }>): DifyAnswer {
  const { conversation_id, message_id, created_at } = idsOf(end);
  return {
    event: 'message',
    task_id: end.task_id,
    id: message_id,
    message_id,
    conversation_id,
    mode: 'chat',
    answer: end.data.at(-1)?.answer ?? '',
    metadata: toMetadata(end.metadata.usage),
    created_at,
  };
}

/**
 * Returns the JSON of an error event, for a follower that must not continue although the turn runs on.
 * @param last the JSON of the previous event, if one exists.
 * @returns undefined if the previous event was the last one of the answer.
 */
export function toLastDifyEvent(last: string | undefined, error: ChatError): string | undefined {
  const event = last === undefined ? undefined : (JSON.parse(last) as DifyEvent);
  if (event?.event === 'message_end' || event?.event === 'error') return undefined;
  const { conversation_id, message_id, created_at } = event ?? {};
  const ids = { conversation_id, message_id, created_at };
  return JSON.stringify(toErrorEvent(ids, error));
}

/** Fills the fields that the upstream has not reported, as Dify does. Clients fail without the object. */
export function toMetadata(usage: Usage | null): DifyMetadata {
  return { annotation_reply: null, retriever_resources: [], usage: { ...noUsage, ...usage } };
}

function toErrorEvent(ids: LostIds, error: Parameters<typeof toDifyError>[0]): DifyEvent {
  const { code, status, message } = toDifyError(error);
  return { event: 'error', ...ids, code, status, message };
}

function toPiece(identified: Identified, answer: string): DifyEvent {
  const { message_id: id } = identified;
  return { event: 'message', ...identified, id, answer, from_variable_selector: null };
}

/** Until the upstream has named the conversation, the session's id stands for it. Every route understands both. */
function idsOf({ conversation_id, session_id, message_id, created_at }: WireEvent): DifyIds {
  return { conversation_id: conversation_id ?? session_id, message_id, created_at };
}

const noUsage: Usage = {
  prompt_tokens: 0,
  prompt_unit_price: '0.0',
  prompt_price_unit: '0.0',
  prompt_price: '0.0',
  completion_tokens: 0,
  completion_unit_price: '0.0',
  completion_price_unit: '0.0',
  completion_price: '0.0',
  total_tokens: 0,
  total_price: '0.0',
  currency: 'USD',
  latency: 0,
  time_to_first_token: null,
  time_to_generate: null,
};
