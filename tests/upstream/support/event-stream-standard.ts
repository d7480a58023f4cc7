import type { SseMessage } from '../../../src/upstream/http/sse';

/**
 * Implements the standard literally, and without chunks. The tests compare the decoder with it.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 *
 * One difference is intended: an id applies only to its own message, and not to later messages.
 */
export function parseEventStream(text: string): SseMessage[] {
  const messages: SseMessage[] = [];
  let block = { data: '', event: '', id: undefined as string | undefined };

  const lines = text.replace(/^\uFEFF/u, '').split(/\r\n|\n|\r/u);
  // Text after the last line end is not a line.
  for (const line of lines.slice(0, -1)) {
    if (line === '') {
      if (block.data !== '') messages.push(toMessage(block));
      block = { data: '', event: '', id: undefined };
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /u, '');
    if (field === 'data') block.data += `${value}\n`;
    if (field === 'event') block.event = value;
    if (field === 'id' && !value.includes('\0')) block.id = value;
  }
  return messages;
}

function toMessage({ data, event, id }: { data: string; event: string; id: string | undefined }): SseMessage {
  return { id, event: event === '' ? undefined : event, data: data.slice(0, -1) };
}
