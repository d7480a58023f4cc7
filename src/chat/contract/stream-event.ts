import { chatErrors, type ChatError, type ChatErrorCode } from '../errors';
import type { AnswerFile } from '../model/file';
import type { AnswerFileReply } from './file/link';
import type { MessageReply } from './message-reply';
import type { SavedTurn } from '../model/turn';
import type { Usage } from '../model/outcome';
import type { TurnEvent } from '../model/turn-event';

/** The fields of every event of a turn. `task_id` is the turn_id, under the name that a Dify client expects. */
export interface Envelope {
  readonly turn_id: string;
  readonly task_id: string;
  readonly session_id: string;
  readonly conversation_id: string | null;
  readonly message_id: string;
  /** Seconds since 1970, the same in every event of a turn. */
  readonly created_at: number;
}

/**
 * All events of a turn that clients get, over SSE and over WebSocket. They have Dify's shapes, so that a client written
 * for Dify understands them. From Dify, they contain only text, ids and usage.
 */
export type WireEvent =
  | (Envelope & { readonly event: 'turn_started'; readonly question_message_id: string })
  | (Envelope & { readonly event: 'queued'; readonly place: number })
  | (Envelope & { readonly event: 'message'; readonly id: string; readonly answer: string })
  | (Envelope & { readonly event: 'message_replace'; readonly answer: string })
  | (Envelope & { readonly event: 'message_file' } & AnswerFileReply)
  | (Envelope & {
      readonly event: 'message_end';
      readonly id: string;
      readonly outcome: 'completed' | 'stopped';
      readonly metadata: { readonly usage: Usage | null };
      readonly data: readonly MessageReply[];
    })
  | (Envelope & {
      readonly event: 'error';
      readonly code: ChatErrorCode;
      readonly status: number;
      readonly message: string;
      readonly outcome: 'interrupted' | 'failed';
    });

export type TerminalWireEvent = Extract<WireEvent, { event: 'message_end' | 'error' }>;

export function isTerminal(event: WireEvent): event is TerminalWireEvent {
  return event.event === 'message_end' || event.event === 'error';
}

/** Returns the fields of an event that every event of its turn has. */
export function envelopeOf(event: WireEvent): Envelope {
  const { turn_id, task_id, session_id, conversation_id, message_id, created_at } = event;
  return { turn_id, task_id, session_id, conversation_id, message_id, created_at };
}

/**
 * Returns the JSON of an error event, for a follower that must not continue although the turn runs on.
 * @param last the JSON of the previous event, if one exists.
 * @returns undefined if the previous event was the end of the turn.
 */
export function toLastEvent(
  last: string | undefined,
  { code, status, message }: ChatError,
): string | undefined {
  const event = last === undefined ? undefined : (JSON.parse(last) as WireEvent);
  if (event !== undefined && isTerminal(event)) return undefined;
  const envelope = event === undefined ? {} : envelopeOf(event);
  return JSON.stringify({ event: 'error', ...envelope, code, status, message });
}

/** Returns a `message` event. The text must be its last field: `stream/message-head` relies on it. */
export function toMessageEvent(envelope: Envelope, text: string): Extract<WireEvent, { event: 'message' }> {
  return { event: 'message', ...envelope, id: envelope.message_id, answer: text };
}

export interface WireContext {
  readonly envelope: Envelope;
  readonly questionMessageId: string;
  readonly toReplies: (saved: SavedTurn) => readonly MessageReply[];
  readonly toFile: (file: AnswerFile) => AnswerFileReply;
}

export function toWireEvent(
  event: TurnEvent,
  { envelope, questionMessageId, toReplies, toFile }: WireContext,
): WireEvent {
  switch (event.type) {
    case 'started':
      return { event: 'turn_started', ...envelope, question_message_id: questionMessageId };
    case 'queued':
      return { event: 'queued', ...envelope, place: event.place };
    case 'delta':
      return toMessageEvent(envelope, event.text);
    case 'replaced':
      return { event: 'message_replace', ...envelope, answer: event.text };
    case 'file':
      return { event: 'message_file', ...envelope, ...toFile(event.file) };
    case 'ended': {
      // Use the saved id, because clients use it from now on. It is Dify's, unless another message already has that id.
      const { messageId } = event.saved[1];
      return {
        event: 'message_end',
        ...envelope,
        message_id: messageId,
        id: messageId,
        outcome: event.outcome,
        metadata: { usage: event.saved[1].usage },
        data: toReplies(event.saved),
      };
    }
    case 'failed': {
      const { status, sentence } = chatErrors[event.code];
      return {
        event: 'error',
        ...envelope,
        code: event.code,
        status,
        message: event.sentence ?? sentence,
        outcome: event.outcome,
      };
    }
  }
}
