import { toMessageEvent, type Envelope } from '../contract/stream-event';

/*
 * Saves 1 µs for each `message` event, a fifth of an event in a burst, and nine tenths of the log's memory.
 * Measured in a loop of 300,000 events: 0.1 µs with a head, 1.1 µs with `JSON.stringify` of the whole event.
 * Delete it when the log keeps bytes instead of JSON.
 */

/**
 * The part that `message` events of a turn share: their JSON up to the text. The log keeps one head and the texts.
 */
export interface MessageHead {
  readonly envelope: Envelope;
  readonly json: string;
}

export function toMessageHead(envelope: Envelope): MessageHead {
  const json = JSON.stringify(toMessageEvent(envelope, ''));
  return { envelope, json: json.slice(0, -'""}'.length) };
}

/** Returns the JSON of the compact `message` event with this text and no ids. */
export function encodeCompactMessage(text: string): string {
  return `{"event":"message","answer":${JSON.stringify(text)}}`;
}

/** Returns the JSON of the `message` event with this text. */
export function encodeMessage({ json }: MessageHead, text: string): string {
  return `${json}${JSON.stringify(text)}}`;
}
