import { createToAiSdkParts, toLastAiSdkPart } from '../contract/ai-sdk/part';
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

/** Converts the frames of a turn to those of Dify. */
export const toDifyFrames = (batches: AsyncIterable<readonly Frame[]>) =>
  convert(batches, (event) => toDifyEvents(event).map((one) => JSON.stringify(one)));

/** OpenAI's framing. Its clients accept comments, as its own proxies send them. */
export const openaiFraming: Framing = { ...ownFraming, lastEvent: toLastOpenAIEvent };

/** Converts the frames of a turn to the chunks of OpenAI. */
export const toOpenAIFrames = (batches: AsyncIterable<readonly Frame[]>, options: ChunkOptions) =>
  convert(batches, createToChunks(options));

/** The framing of the AI SDK. Its clients ignore comments. */
export const aiSdkFraming: Framing = { ...ownFraming, lastEvent: toLastAiSdkPart };

/** Converts the frames of a turn to the parts of the AI SDK. A client that comes back gets all of them again. */
export const toAiSdkFrames = (batches: AsyncIterable<readonly Frame[]>, wasTakenBack: boolean) =>
  convert(batches, createToAiSdkParts(wasTakenBack));

/** Converts frames of this server to those of others. They have no ids, because their clients name no event. */
async function* convert(
  batches: AsyncIterable<readonly Frame[]>,
  toTexts: (event: WireEvent) => readonly string[],
): AsyncGenerator<readonly Frame[], void> {
  for await (const batch of batches) {
    const texts = batch.flatMap(({ data }) => toTexts(JSON.parse(data) as WireEvent));
    if (texts.length > 0) yield texts.map((data) => ({ id: null, data }));
  }
}

/** The end of a turn, and whether moderation has taken its text back. */
export interface Completion {
  readonly end: TerminalWireEvent;
  readonly finishReason: FinishReason;
}

/** Reads the events of a turn to its end. @returns null if they end before, because the client has left. */
export async function readCompletion(
  batches: AsyncIterable<readonly Frame[]>,
  wasTakenBack: boolean,
): Promise<Completion | null> {
  const text = createTextReader(wasTakenBack);
  for await (const batch of batches) {
    for (const { data } of batch) {
      const event = JSON.parse(data) as WireEvent;
      if (event.event === 'message' || event.event === 'message_replace') text.read(event);
      if (isTerminal(event)) return { end: event, finishReason: toFinishReason(text) };
    }
  }
  return null;
}
