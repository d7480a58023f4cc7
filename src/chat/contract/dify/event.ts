import type { ChatError } from '../../errors';
import type { Usage } from '../../model/outcome';
import type { AnswerFileReply } from '../file/link';
import { toDifyError, type DifyError } from './error';
import type { TerminalWireEvent, WireEvent } from '../stream-event';

/*
 * Events as Dify's own clients expect them: Dify's fields in Dify's order, and no event or field of this server.
 * Source: `POST /chat-messages` of Dify's Service API and console API.
 */

/** The ids of an answer. Every event has them. */
export interface DifyIds {
  readonly conversation_id: string;
  readonly message_id: string;
  /** Seconds since 1970. */
  readonly created_at: number;
}

interface Identified extends DifyIds {
  readonly task_id: string;
}

/** The ids are unknown if the login ends before the first event. */
type LostIds = { readonly [Name in keyof DifyIds]: DifyIds[Name] | undefined };

export type DifyEvent =
  | (Identified & {
      readonly event: 'message';
      readonly id: string;
      readonly answer: string;
      readonly from_variable_selector: null;
    })
  | (Identified & { readonly event: 'message_replace'; readonly answer: string; readonly reason: '' })
  | (Identified & { readonly event: 'message_file' } & AnswerFileReply)
  | (Identified & {
      readonly event: 'message_end';
      readonly id: string;
      readonly metadata: DifyMetadata;
      readonly files: null;
    })
  | (LostIds & DifyError & { readonly event: 'error' });

export interface DifyMetadata {
  readonly annotation_reply: null;
  readonly retriever_resources: readonly [];
  readonly usage: Usage;
}

/** The reply in blocking mode. */
export interface DifyAnswer extends Identified {
  readonly event: 'message';
  readonly id: string;
  readonly mode: 'chat';
  readonly answer: string;
  readonly metadata: DifyMetadata;
}

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
