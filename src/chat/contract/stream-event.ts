import { z } from 'zod';

import { chatErrorCodes, chatErrors, type ChatError } from '../errors';
import type { AnswerFile } from '../model/file';
import { answerFileReply, type AnswerFileReply } from './file/link';
import { messageReply, type MessageReply } from './messages/reply';
import type { SavedTurn } from '../model/turn';
import { seconds, usageReply, type Reply } from './reply';
import type { TurnEvent } from '../model/turn-event';

/** The fields of every event of a turn. `task_id` is the turn_id, under the name that a Dify client expects. */
const envelope = z.object({
  turn_id: z.string(),
  task_id: z.string(),
  session_id: z.string(),
  conversation_id: z.string().nullable(),
  message_id: z.string(),
  // The same in every event of a turn.
  created_at: seconds,
});
export type Envelope = Reply<typeof envelope>;

const failed = envelope.extend({
  event: z.literal('error'),
  code: z.enum(chatErrorCodes),
  status: z.int(),
  message: z.string(),
  outcome: z.enum(['interrupted', 'failed']),
});

const others = [
  envelope.extend({ event: z.literal('turn_started'), question_message_id: z.string() }),
  envelope.extend({ event: z.literal('queued'), place: z.int() }),
  envelope.extend({ event: z.literal('message'), id: z.string(), answer: z.string() }),
  envelope.extend({ event: z.literal('message_replace'), answer: z.string() }),
  envelope.extend({ event: z.literal('message_file'), ...answerFileReply.shape }),
  envelope.extend({
    event: z.literal('message_end'),
    id: z.string(),
    outcome: z.enum(['completed', 'stopped']),
    metadata: z.object({ usage: usageReply.nullable() }),
    data: z.array(messageReply),
  }),
] as const;

/**
 * All events of a turn that clients get, over SSE and over WebSocket. They have Dify's shapes, so that a client written
 * for Dify understands them. From Dify, they contain only text, ids and usage.
 */
export type WireEvent = Reply<(typeof others)[number] | typeof failed>;

/** The events of an event stream. An `error` event that ends only this stream has no outcome: see `toLastEvent`. */
export const streamEvent = z
  .discriminatedUnion('event', [
    ...others,
    failed.partial().required({ event: true, code: true, status: true, message: true }),
  ])
  .meta({ id: 'StreamEvent' });

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
