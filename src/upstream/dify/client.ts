import type { Readable } from 'node:stream';

import { findAppProblem } from './app-check';
import { createAskInTurn } from './ask-in-turn';
import { createCall, isSuccess, readStart, type Call, type Response } from '../http/call';
import { detectEventStream } from '../http/event-stream';
import { readReply, toBatch, type IncomingReply } from '../http/read-reply';
import { createSseDecoder } from '../http/sse';
import type { DifySettings } from '../../chat/settings';
import { findLostAnswer } from './find-answer';
import type { UpstreamQuestion, TakeEvents, Upstream } from '../../chat/ports/upstream';
import { deleteConversation, getJson, rate, stop, suggestQuestions } from './short-calls';
import { fromDifyError } from './errors';
import { fromRefusedInput, type SentInputs } from './refused-input';
import { createReplyTranslator, shortenedFrame } from './reply-event';
import { eventOf, parseErrorBody, parseFrame, type DifyFrame } from './schema';

export interface DifyClientOptions {
  readonly settings: DifySettings;
  readonly warn: (message: string) => void;
}

export function createDifyClient(options: DifyClientOptions): Upstream {
  const { settings } = options;
  const get = getJson(settings);
  return {
    ...createAskInTurn({ settings, warn: options.warn, ask }),
    stop: (taskId, user) => stop(settings, taskId, user),
    findProblem: () => findAppProblem(get, settings.promptInput),
    findLostAnswer: (lost, isKnown) => findLostAnswer(get, lost, isKnown),
    rate: (messageId, rating) => rate(settings, messageId, rating),
    suggestQuestions: (messageId, user) => suggestQuestions(settings, messageId, user),
    deleteConversation: (conversationId, user, signal) =>
      deleteConversation(settings, { conversationId, user, signal }),
  };

  async function ask(question: UpstreamQuestion, take: TakeEvents): Promise<void> {
    const call = createCall(settings);
    const { inputs } = question;
    await readReply(
      call,
      async () => {
        const response = await postQuestion(settings, question, call);
        const body = await requireEventStream(response, { inputs, promptInput: settings.promptInput });
        return { body, reply: createReply(options) };
      },
      take,
    );
  }
}

function postQuestion(
  { promptInput }: DifySettings,
  { query, inputs, prompt, user, conversationId }: UpstreamQuestion,
  call: Call,
): Promise<Response> {
  const body = {
    query,
    inputs: { ...inputs, [promptInput]: prompt },
    user,
    response_mode: 'streaming',
    conversation_id: conversationId ?? '',
    // Sessions have their own titles. Dify would run a model for one, and some versions keep the reply open for it.
    auto_generate_name: false,
  };
  return call.post('/chat-messages', body, 'text/event-stream');
}

function createReply({ settings: { maxFrameChars }, warn }: DifyClientOptions): IncomingReply {
  const translator = createReplyTranslator(maxFrameChars);
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
    const frame = parseFrame(data);
    if (frame === null) warn('Dify sent a frame that is not a JSON object with an event. It is ignored.');
    return frame;
  }
}

/**
 * Some gateways change the status or drop the type.
 * @returns the body. @throws ChatError unless it is an event stream.
 */
async function requireEventStream(response: Response, sent: SentInputs): Promise<Readable> {
  const { status } = response;
  const { isEventStream, body } = await detectEventStream(response);
  if (isSuccess(status) && isEventStream) return body;
  const error = parseErrorBody(await readStart(body));
  throw fromRefusedInput(status, error, sent) ?? fromDifyError(status, error);
}
