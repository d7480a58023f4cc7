import { toDifyEvents, toLastDifyEvent } from '../contract/dify/event';
import { createTextReader } from '../contract/messages/answer-text';
import { createToChunks, toLastOpenAIEvent, type ChunkOptions } from '../contract/openai/event';
import { isTerminal, toLastEvent, type TerminalWireEvent, type WireEvent } from '../contract/stream-event';
import { toFinishReason, type FinishReason } from '../contract/openai/reply';
import type { ChatError } from '../errors';
import { heartbeatFrame, type Frame } from './sse';

/** How an event stream begins, shows that it is alive, and ends early. */
export interface Framing {
  readonly opening: string;
  readonly heartbeat: string;
  /** Returns the JSON of an event for a follower that must not continue. `last` is the JSON of the last event. */
  lastEvent(last: string | undefined, error: ChatError): string | undefined;
}

/** The framing of this server. The comments make proxies forward the response. */
export const ownFraming: Framing = {
  opening: heartbeatFrame,
  heartbeat: heartbeatFrame,
  lastEvent: toLastEvent,
};

/** Dify's framing. Its clients read lines, and some fail on any line that is neither `data:` nor `event: ping`. */
export const difyFraming: Framing = {
  opening: '',
  heartbeat: 'event: ping\n\n',
  lastEvent: toLastDifyEvent,
};

/** Converts the frames of a turn to those of Dify. They have no ids, because Dify cannot resume a stream. */
export async function* toDifyFrames(
  batches: AsyncIterable<readonly Frame[]>,
): AsyncGenerator<readonly Frame[], void> {
  for await (const batch of batches) {
    const events = batch.flatMap(({ data }) => toDifyEvents(JSON.parse(data) as WireEvent));
    if (events.length > 0) yield events.map((event) => ({ id: null, data: JSON.stringify(event) }));
  }
}

/** OpenAI's framing. Its clients accept comments, as its own proxies send them. */
export const openaiFraming: Framing = { ...ownFraming, lastEvent: toLastOpenAIEvent };

/** Converts the frames of a turn to the chunks of OpenAI. They have no ids, because OpenAI cannot resume a stream. */
export async function* toOpenAIFrames(
  batches: AsyncIterable<readonly Frame[]>,
  options: ChunkOptions,
): AsyncGenerator<readonly Frame[], void> {
  const toChunks = createToChunks(options);
  for await (const batch of batches) {
    const chunks = batch.flatMap(({ data }) => toChunks(JSON.parse(data) as WireEvent));
    if (chunks.length > 0) yield chunks.map((data) => ({ id: null, data }));
  }
}

/** The end of a turn, and whether moderation has taken its text back. */
export interface Completion {
  readonly end: TerminalWireEvent;
  readonly finishReason: FinishReason;
}

/** Reads the events of a turn to its end. @returns null if they end before, because the client has left. */
export async function readCompletion(batches: AsyncIterable<readonly Frame[]>): Promise<Completion | null> {
  const text = createTextReader();
  for await (const batch of batches) {
    for (const { data } of batch) {
      const event = JSON.parse(data) as WireEvent;
      if (event.event === 'message' || event.event === 'message_replace') text.read(event);
      if (isTerminal(event)) return { end: event, finishReason: toFinishReason(text) };
    }
  }
  return null;
}
