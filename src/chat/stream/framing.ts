import { toDifyEvents, toLastDifyEvent } from '../contract/dify/event';
import { toLastEvent, type WireEvent } from '../contract/stream-event';
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
