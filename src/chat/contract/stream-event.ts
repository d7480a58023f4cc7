import { z } from 'zod';

import { chatErrorCodes, chatErrors, type ChatError } from '../errors';
import type { AnswerFile } from '../model/file';
import { answerFileReply, type AnswerFileReply } from './file/link';
import { parse } from './invalid-request';
import { messageReply, type MessageReply } from './messages/reply';
import type { SavedTurn } from '../model/turn';
import { seconds, usageReply, type Reply } from './reply';
import type { TurnEvent } from '../model/turn-event';

/** The fields of every event of a turn. `task_id` is the turn_id, under the name that a Dify client expects. */
const envelope = z.object({
  turn_id: z.string().describe('The turn.'),
  task_id: z.string().describe("The same as `turn_id`, under the name that Dify's clients look for."),
  session_id: z.string().describe('The session. Send it with the next question.'),
  conversation_id: z.string().nullable().describe("Dify's id of the session. Null while it is unknown."),
  message_id: z.string().describe("The answer's id: this server's until Dify has sent its own, then Dify's."),
  created_at: seconds.describe('When the turn began, in seconds since 1970. The same in all its events.'),
});
export type Envelope = Reply<typeof envelope>;

const repeatedId = z.string().describe('Repeats `message_id`.');

const failed = envelope
  .extend({
    event: z.literal('error'),
    code: z.enum(chatErrorCodes).describe('What went wrong.'),
    status: z.int().describe('The HTTP status of the code.'),
    message: z.string().describe('A fixed sentence for people.'),
    outcome: z.enum(['interrupted', 'failed']).describe('How the answer ended.'),
  })
  .describe(
    'Terminal: the answer ended early, and the text so far is saved. The turn has the two messages. With the code ' +
      '`login-ended`, only this stream ends: the turn continues, and the event has no `outcome` and no `id`.',
  );

/** Fields that events have in both formats of a stream. */
const questionMessageId = z.string().describe('The `message_id` of the question.');
export const place = z.int().describe('1 for the next question.');
const piece = z.string().describe('Text to append to the text so far.');
const wholeText = z.string().describe('The whole text so far.');
const ended = {
  outcome: z.enum(['completed', 'stopped']).describe('`stopped` if its user ended the answer.'),
  metadata: z
    .object({ usage: usageReply.nullable().describe('Tokens and prices, or null.') })
    .describe('What the upstream reports about the answer.'),
};

const others = [
  envelope
    .extend({
      event: z.literal('turn_started'),
      question_message_id: questionMessageId,
    })
    .describe('The first event: the question is saved. A client that already has text starts over.'),
  envelope
    .extend({ event: z.literal('queued'), place })
    .describe(
      'The question waits, because the upstream gives as many answers as it can. The event comes when the wait begins, ' +
        'and at most once a second when the place has changed.',
    ),
  envelope
    .extend({
      event: z.literal('message'),
      id: repeatedId,
      answer: piece,
    })
    .describe('A piece of the answer.'),
  envelope
    .extend({ event: z.literal('message_replace'), answer: wholeText })
    .describe(
      "`answer` replaces all text before it. It comes after Dify's moderation, or when a client has fallen far behind.",
    ),
  envelope
    .extend({ event: z.literal('message_file'), ...answerFileReply.shape })
    .describe(
      'A file of the answer. A client that follows a turn again can get a file twice, with the same `id`.',
    ),
  envelope
    .extend({
      event: z.literal('message_end'),
      id: repeatedId,
      ...ended,
      data: z.array(messageReply).describe('The question and its answer, as saved.'),
    })
    .describe('Terminal: the answer is saved. It is complete, or its user stopped it.'),
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
    failed
      .partial()
      .required({ event: true, code: true, status: true, message: true })
      .describe(failed.description ?? ''),
  ])
  .meta({ id: 'StreamEvent' });

/** The forms of an event stream: every event whole, or the ids once and then pieces without them. */
const streamFormats = ['full', 'compact'] as const;
export type StreamFormat = (typeof streamFormats)[number];

/** The parameter as the OpenAPI document shows it. */
export const streamFormatParameter = {
  format: z
    .enum(streamFormats, 'must be full or compact')
    .default('full')
    .describe('`compact`: events of a stream have their ids once. It changes nothing about a reply in JSON.'),
};

const formatOfQuery = z.object(streamFormatParameter);

/** Parses `format?` of a query string. @throws ChatError `invalid-request` */
export function parseStreamFormat(query: unknown): StreamFormat {
  return parse(formatOfQuery, query ?? {}).format;
}

/** The ids that the upstream names while it answers. */
const changingIds = envelope.pick({ conversation_id: true, message_id: true });
/** Events of text have the ids only if they are new. */
const maybeIds = changingIds.partial();

/** The events of a compact event stream. */
export const compactEvent = z
  .discriminatedUnion('event', [
    envelope.omit({ task_id: true }).extend({
      event: z.literal('turn_started'),
      question_message_id: questionMessageId,
    }),
    z.object({ event: z.literal('queued'), place }),
    maybeIds.extend({ event: z.literal('message'), answer: piece }),
    maybeIds.extend({ event: z.literal('message_replace'), answer: wholeText }),
    z.object({ event: z.literal('message_file'), ...answerFileReply.shape }),
    changingIds.extend({ event: z.literal('message_end'), ...ended }),
    failed
      .pick({ event: true, conversation_id: true, message_id: true, code: true, status: true, message: true })
      .extend({ outcome: failed.shape.outcome })
      .partial({ conversation_id: true, message_id: true, outcome: true }),
  ])
  .meta({ id: 'CompactEvent' });
export type CompactEvent = Reply<typeof compactEvent>;

/**
 * Returns the compact form of an event. It has what a client needs to show the answer and to find it again.
 * @param hasNewIds whether an event of text must have the ids.
 */
export function toCompactEvent(wire: WireEvent, hasNewIds: boolean): CompactEvent {
  const { conversation_id, message_id } = wire;
  const ids = { conversation_id, message_id };
  const { event } = wire;
  switch (event) {
    case 'turn_started': {
      const { task_id: _, ...started } = wire;
      return started;
    }
    case 'queued':
      return { event, place: wire.place };
    case 'message':
    case 'message_replace':
      return { event, ...(hasNewIds && ids), answer: wire.answer };
    case 'message_file': {
      const { id, type, belongs_to, url } = wire;
      return { event, id, type, belongs_to, url };
    }
    case 'message_end':
      return { event, ...ids, outcome: wire.outcome, metadata: wire.metadata };
    case 'error': {
      const { code, status, message, outcome } = wire;
      return { event, ...ids, code, status, message, outcome };
    }
  }
}

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
