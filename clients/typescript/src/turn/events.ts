import { createParser } from 'eventsource-parser';

import { NetworkError } from '../http/errors.ts';
import type { components } from '../openapi.ts';

/**
 * One event of an answer. `seq` counts the events of a turn from 1. Later versions of the server can send further events:
 * ignore those that you do not know.
 */
export type TurnEvent = components['schemas']['StreamEvent'] & { readonly seq: number };
export type TurnEventOf<Name extends TurnEvent['event']> = Extract<TurnEvent, { event: Name }>;

/** Reads the events of an event stream. An event that is cut off is left out. */
export async function* readEvents(chunks: AsyncIterable<string>): AsyncGenerator<TurnEvent, void> {
  const ready: TurnEvent[] = [];
  const parser = createParser({ onEvent: ({ id, data }) => void ready.push(parseEvent(id, data)) });
  for await (const chunk of chunks) {
    parser.feed(chunk);
    yield* ready.splice(0);
  }
}

function parseEvent(id: string | undefined, data: string): TurnEvent {
  try {
    return { ...(JSON.parse(data) as TurnEvent), seq: Number(id ?? 0) };
  } catch (error) {
    throw new NetworkError('The reply is not an event stream of this API.', { cause: error });
  }
}

/** Says whether the turn has ended with this event. A login that ends leaves its turn running. */
export function isTerminal(event: TurnEvent): event is TurnEventOf<'message_end' | 'error'> {
  return event.event === 'message_end' || (event.event === 'error' && event.code !== 'login-ended');
}

/** Returns the text of an answer after one more event. Start with an empty text. */
export function textAfter(text: string, event: TurnEvent): string {
  if (event.event === 'turn_started') return '';
  if (event.event === 'message') return text + event.answer;
  return event.event === 'message_replace' ? event.answer : text;
}
