import type { Api } from './http';
import { DemoError } from './screen';

export interface Asked {
  readonly token: string;
  readonly characterId: string;
  readonly query: string;
}

/** The part of an event that is used here. */
interface WireEvent {
  readonly event: string;
  readonly answer?: string;
  readonly message?: string;
  readonly code?: string;
}

/** The question was taken, and not answered. */
export class AnswerError extends DemoError {}

/**
 * Asks one question over an event stream and hands on the answer piece by piece, as it arrives.
 * @throws AnswerError when the answer fails or ends without its end.
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

/** A frame ends with an empty line, wherever the network cut it; its `data:` line is one JSON object. */
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
