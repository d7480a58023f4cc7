import type { Readable } from 'node:stream';

import { ChatError, toChatError } from '../../chat/errors';
import { atLoopEnd } from '../../chat/stream/loop-end';
import { createSseDecoder } from './sse';
import { createCall, readStart, type Call, type Response } from './call';
import type { DifySettings } from '../../chat/settings';
import { findLostAnswer } from './find-answer';
import type { ReplyEvent, UpstreamQuestion, TakeEvents, Upstream } from '../../chat/ports/upstream';
import { getJson, rate, stop, suggestQuestions } from './short-calls';
import { fromDifyError, fromTransportError } from './errors';
import { createReplyTranslator } from './reply-event';
import { parseErrorBody, parseFrame } from './schema';

export interface DifyClientOptions {
  readonly settings: DifySettings;
  readonly warn: (message: string) => void;
}

/** How long a response may stay open after the end of its reply. Then the server closes it. */
const drainMs = 5_000;

export function createDifyClient(options: DifyClientOptions): Upstream {
  const { settings } = options;
  const get = getJson(settings);
  return {
    ask,
    stop: (taskId, user) => stop(settings, taskId, user),
    findLostAnswer: (lost, isKnown) => findLostAnswer(get, lost, isKnown),
    rate: (messageId, rating) => rate(settings, messageId, rating),
    suggestQuestions: (messageId, user) => suggestQuestions(settings, messageId, user),
  };

  async function ask(question: UpstreamQuestion, take: TakeEvents): Promise<void> {
    const call = createCall(settings);
    let body: Readable | undefined;
    let isComplete = false;
    try {
      const response = await postQuestion(settings, question, call);
      await assertEventStream(response);
      body = response.body;
      const toEvents = createToEvents(options);
      isComplete = await readUntil(body, (chunk) => {
        call.deadlines.received();
        const { events, failure } = toEvents(chunk);
        // The events before a failure in the same chunk are part of the answer.
        if (events.length > 0) take(events);
        const isEnd = events.at(-1)?.type === 'completed';
        if (failure !== undefined && !isEnd) throw failure;
        return isEnd;
      });
    } catch (error) {
      throw call.expired() ?? fromTransportError(error, { hasBegun: body !== undefined });
    } finally {
      call.deadlines.cancel();
      if (isComplete) drain(body);
      else body?.destroy();
    }
    if (!isComplete) throw new ChatError('upstream-interrupted', { cause: { transportCode: 'EOF' } });
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

/**
 * Reads `body` until `isEnough` returns true for a chunk.
 * It does not use `for await`, which would lose buffered chunks when the connection breaks.
 * @returns false if the body ended before that.
 * @throws the error of the connection, or the error of `isEnough`.
 */
function readUntil(body: Readable, isEnough: (chunk: Uint8Array) => boolean): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    const onData = (chunk: Uint8Array) => {
      if (chunks.push(chunk) === 1) atLoopEnd(take);
    };
    const take = () => {
      try {
        if (chunks.splice(0).some(isEnough)) leave(() => resolve(true));
      } catch (error) {
        leave(() => reject(error instanceof Error ? error : new Error('The reply cannot be processed.')));
      }
    };
    const leave = (settle: () => void) => {
      body.off('data', onData);
      body.pause();
      settle();
    };
    const onEnd = (settle: () => void) => {
      take();
      settle();
    };
    body.on('data', onData);
    body.once('end', () => onEnd(() => resolve(false)));
    body.once('close', () => onEnd(() => resolve(false)));
    // Never remove this listener: a later error must have one.
    body.on('error', (error) => onEnd(() => reject(error)));
  });
}

interface Batch {
  /** The events of the chunk, up to the end of the reply. */
  readonly events: readonly ReplyEvent[];
  /** The error that ends the reply, if one does. */
  readonly failure: Error | undefined;
}

/** Returns a function that converts the chunks of one reply, in their order. */
function createToEvents({ settings, warn }: DifyClientOptions): (chunk: Uint8Array) => Batch {
  const decoder = createSseDecoder({ maxFrameChars: settings.maxFrameChars });
  const toReplyEvents = createReplyTranslator();
  return (chunk) => {
    const events: ReplyEvent[] = [];
    try {
      decoder.feed(chunk, ({ data }) => {
        if (events.at(-1)?.type === 'completed') return;
        const frame = parseFrame(data);
        if (frame === null) warn('Dify sent a frame that is not a JSON object with an event. It is ignored.');
        else events.push(...toReplyEvents(frame));
      });
      return { events, failure: undefined };
    } catch (error) {
      return { events, failure: error instanceof Error ? error : toChatError(error) };
    }
  };
}

/** @throws ChatError unless the response is an event stream. */
async function assertEventStream({ status, contentType, body }: Response): Promise<void> {
  if (status === 200 && /^\s*text\/event-stream\s*(;|$)/iu.test(contentType)) return;
  throw fromDifyError(status, parseErrorBody(await readStart(body)));
}

/** Reads and discards the rest of the response after the end of the reply. */
function drain(body: Readable | undefined): void {
  // Often the body has closed together with the last event. Then a timer would keep the whole turn in memory.
  if (body === undefined || body.closed) return;
  const timer = setTimeout(() => body.destroy(), drainMs);
  body.once('close', () => clearTimeout(timer));
  body.resume();
}
