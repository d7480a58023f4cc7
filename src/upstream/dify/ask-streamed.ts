/** Asks a question of Dify, and reads the reply as an event stream. Both Dify APIs send the same one. */
import type { Readable } from 'node:stream';

import type { ChatError } from '../../chat/errors';
import type { TakeEvents } from '../../chat/ports/upstream';
import {
  createCall,
  isSuccess,
  keyOf,
  readStart,
  type Call,
  type CallTarget,
  type Response,
} from '../http/call';
import { detectEventStream } from '../http/event-stream';
import { readReply, toBatch, type IncomingReply } from '../http/read-reply';
import { createSseDecoder } from '../http/sse';
import { createReplyTranslator, shortenedFrame } from './reply-event';
import { eventOf, parseErrorBody, parseFrame, type DifyErrorBody, type DifyFrame } from './schema';

export interface ReplyOptions {
  readonly maxFrameChars: number;
  readonly warn: (message: string) => void;
}

export interface StreamedQuestion extends ReplyOptions {
  readonly target: CallTarget;
  readonly post: (call: Call) => Promise<Response>;
  /** Converts a response that is no event stream. */
  readonly toRefusal: (status: number, error: DifyErrorBody) => ChatError;
}

/** Sends one question. See `Upstream.ask`. */
export async function askStreamed(question: StreamedQuestion, take: TakeEvents): Promise<void> {
  const call = createCall(question.target);
  const open = async () => {
    const body = await requireEventStream(await question.post(call), question);
    return { body, reply: createReply(question) };
  };
  await readReply(call, open, take);
}

function createReply({ target, maxFrameChars, warn }: StreamedQuestion): IncomingReply {
  const translator = createReplyTranslator({ maxLateChars: maxFrameChars, apiKey: keyOf(target) });
  const decoder = createSseDecoder({
    maxFrameChars,
    remedy: 'Raise DIFY_MAX_FRAME_CHARS.',
    isUnused,
    shorten,
  });
  return {
    take: (chunk) => toBatch(translator.read, (read) => decoder.feed(chunk, ({ data }) => read(parse(data)))),
    end: () =>
      toBatch(translator.read, (read, add) => {
        // The last frame can be incomplete. That needs no warning.
        decoder.end(({ data }) => read(parseFrame(data)));
        translator.end(add);
      }),
    isEnding: translator.isEnding,
  };

  function isUnused(start: string): boolean {
    const event = eventOf(start);
    return event !== undefined && !translator.needs(event);
  }

  function shorten(start: string): string | undefined {
    const frame = shortenedFrame(eventOf(start));
    if (frame !== undefined) {
      warn(
        `Dify sent a frame over DIFY_MAX_FRAME_CHARS (${maxFrameChars}). Its content is ignored: ${frame}`,
      );
    }
    return frame;
  }

  function parse(data: string): DifyFrame | null {
    const frame = parseFrame(data, translator.isIdentified());
    if (frame === null) warn('Dify sent a frame that is not a JSON object with an event. It is ignored.');
    return frame;
  }
}

/**
 * Some gateways change the status or drop the type.
 * @returns the body. @throws ChatError unless it is an event stream.
 */
async function requireEventStream(
  response: Response,
  { target, toRefusal }: Pick<StreamedQuestion, 'target' | 'toRefusal'>,
): Promise<Readable> {
  const { status } = response;
  const { isEventStream, body } = await detectEventStream(response);
  if (isSuccess(status) && isEventStream) return body;
  throw toRefusal(status, parseErrorBody(await readStart(body), keyOf(target)));
}
