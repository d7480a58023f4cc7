import type { Api } from './http';
import { DemoError } from './screen';

export interface Asked {
  readonly token: string;
  readonly characterId: string;
  readonly query: string;
}

/** The fields of an event that the demo uses. */
interface WireEvent {
  readonly event: string;
  readonly answer?: string;
  readonly message?: string;
  readonly code?: string;
}

/** The server accepted the question, but the answer failed. */
export class AnswerError extends DemoError {}

/**
 * Asks one question over an event stream, and yields the pieces of the answer as they arrive.
 * @throws AnswerError when the answer fails or the stream ends too early.
 */
export async function* ask(api: Api, { token, characterId, query }: Asked): AsyncGenerator<string, void> {
  const response = await api.stream('/api/chat-conversations/create-message', {
    token,
    body: { data: { character_id: characterId, query } },
  });
  for await (const { event, answer = '', message = '', code = '' } of readEvents(response)) {
    if (event === 'message') yield answer;
    if (event === 'message_replace') yield `\n${answer}`;
    if (event === 'error') throw new AnswerError(`The answer failed: ${message} (${code})`);
    if (event === 'message_end') return;
  }
  throw new AnswerError('The stream ended without the end of the answer.');
}

/** Parses frames, which the network may split anywhere. A frame ends with an empty line. Its `data:` line is JSON. */
async function* readEvents(response: Response): AsyncGenerator<WireEvent, void> {
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const bytes of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    buffer += decoder.decode(bytes, { stream: true });
    const frames = buffer.split('\n\n');
    buffer = frames.pop() ?? '';
    for (const frame of frames) {
      const data = frame.split('\n').find((line) => line.startsWith('data: '));
      if (data !== undefined) yield JSON.parse(data.slice(6)) as WireEvent;
    }
  }
}
