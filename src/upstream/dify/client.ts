import { Readable } from 'node:stream';

import { ChatError, toChatError } from '../../chat/errors';
import { atLoopEnd } from '../../chat/stream/loop-end';
import { findAppProblem } from './app-check';
import { createAskInTurn } from './ask-in-turn';
import { createSseDecoder } from '../http/sse';
import { createCall, isSuccess, readStart, type Call, type Response } from '../http/call';
import type { DifySettings } from '../../chat/settings';
import { findLostAnswer } from './find-answer';
import type { ReplyEvent, UpstreamQuestion, TakeEvents, Upstream } from '../../chat/ports/upstream';
import { deleteConversation, getJson, rate, stop, suggestQuestions } from './short-calls';
import { fromDifyError, fromTransportError } from './errors';
import { fromRefusedInput, type SentInputs } from './refused-input';
import { createReplyTranslator, shortenedFrame } from './reply-event';
import { eventOf, parseErrorBody, parseFrame, type DifyFrame } from './schema';

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
    let body: Readable | undefined;
    let isComplete = false;
    try {
      const response = await postQuestion(settings, question, call);
      body = await requireEventStream(response, {
        inputs: question.inputs,
        promptInput: settings.promptInput,
      });
      const reply = createReply(options);
      isComplete = await readUntil(body, {
        isEnough: (chunk) => {
          call.deadlines.received();
          const batch = reply.take(chunk);
          const isEnd = pass(batch);
          call.deadlines.ending(reply.isEnding(), batch.hasFrames);
          return isEnd;
        },
        isEnoughAtEnd: () => pass(reply.end()),
      });
    } catch (error) {
      const hasBegun = body !== undefined;
      // A failure that the reply reports says more than the deadline that ended the wait.
      const isReported = hasBegun && error instanceof ChatError;
      throw (isReported ? undefined : call.expired()) ?? fromTransportError(error, { hasBegun });
    } finally {
      call.deadlines.cancel();
      if (isComplete) drain(body);
      else body?.destroy();
    }
    if (!isComplete) throw new ChatError('upstream-interrupted', { cause: { transportCode: 'EOF' } });

    /** @returns whether the reply has ended. */
    function pass({ events, failure }: Batch): boolean {
      // The events before a failure in the same chunk are part of the answer.
      if (events.length > 0) take(events);
      const isEnd = events.at(-1)?.type === 'completed';
      if (failure !== undefined && !isEnd) throw failure;
      return isEnd;
    }
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

interface Enough {
  /** Returns whether the reply is complete after this chunk. */
  readonly isEnough: (chunk: Uint8Array) => boolean;
  /** Returns whether the reply is complete although the body has ended or broken. Called after the last chunk. */
  readonly isEnoughAtEnd: () => boolean;
}

/**
 * Reads `body` until the reply is complete.
 * It does not use `for await`, which would lose buffered chunks when the connection breaks.
 * @returns false if the body ended before that.
 * @throws the error of the connection, or an error of `isEnough` and `isEnoughAtEnd`.
 */
function readUntil(body: Readable, { isEnough, isEnoughAtEnd }: Enough): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let hasLeft = false;
    const onData = (chunk: Uint8Array) => {
      if (chunks.push(chunk) === 1) atLoopEnd(take);
    };
    const take = () => leaveIf(() => chunks.splice(0).some(isEnough));
    const leaveIf = (isComplete: () => boolean) => {
      if (hasLeft) return;
      try {
        if (isComplete()) leave(() => resolve(true));
      } catch (error) {
        leave(() => reject(error instanceof Error ? error : new Error('The reply cannot be processed.')));
      }
    };
    const leave = (settle: () => void) => {
      hasLeft = true;
      body.off('data', onData);
      body.pause();
      settle();
    };
    const onEnd = (settle: () => void) => {
      take();
      leaveIf(isEnoughAtEnd);
      if (!hasLeft) leave(settle);
    };
    body.on('data', onData);
    body.once('end', () => onEnd(() => resolve(false)));
    body.once('close', () => onEnd(() => resolve(false)));
    // Never remove this listener: a later error must have one.
    body.on('error', (error) => onEnd(() => reject(error)));
  });
}

interface Batch {
  /** Whether the chunk completed frames that the translator needs. Pings are none. */
  readonly hasFrames: boolean;
  /** The events of the chunk, up to the end of the reply. */
  readonly events: readonly ReplyEvent[];
  /** The error that ends the reply, if one does. */
  readonly failure: Error | undefined;
}

/** One reply that is being read. */
interface IncomingReply {
  /** Converts the next chunk. */
  take(chunk: Uint8Array): Batch;
  /** Returns the events of a reply whose body has ended or broken. */
  end(): Batch;
  isEnding(): boolean;
}

function createReply({ settings: { maxFrameChars }, warn }: DifyClientOptions): IncomingReply {
  const translator = createReplyTranslator(maxFrameChars);
  const decoder = createSseDecoder({ maxFrameChars, isUnused, shorten });
  return {
    take: (chunk) => toBatch((read) => decoder.feed(chunk, ({ data }) => read(parse(data)))),
    end: () =>
      toBatch((read, add) => {
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

  function toBatch(
    convert: (read: (frame: DifyFrame | null) => void, add: (more: readonly ReplyEvent[]) => void) => void,
  ): Batch {
    const events: ReplyEvent[] = [];
    let hasFrames = false;
    const hasEnded = () => events.at(-1)?.type === 'completed';
    const add = (more: readonly ReplyEvent[]) => {
      if (!hasEnded()) events.push(...more);
    };
    try {
      convert((frame) => {
        hasFrames = true;
        if (frame !== null && !hasEnded()) translator.read(frame, add);
      }, add);
      return { events, hasFrames, failure: undefined };
    } catch (error) {
      return { events, hasFrames, failure: error instanceof Error ? error : toChatError(error) };
    }
  }
}

/**
 * Some gateways change the status or drop the type.
 * @returns the body. @throws ChatError unless it is an event stream.
 */
async function requireEventStream(
  { status, contentType, body }: Response,
  sent: SentInputs,
): Promise<Readable> {
  const { start, whole } = contentType === '' ? await peek(body) : { start: '', whole: body };
  const isStream =
    contentType === ''
      ? /^(?:data|event|id|retry)?:/u.test(start)
      : /^\s*text\/event-stream\s*(;|$)/iu.test(contentType);
  if (isSuccess(status) && isStream) return whole;
  const error = parseErrorBody(await readStart(whole));
  throw fromRefusedInput(status, error, sent) ?? fromDifyError(status, error);
}

/** The length of the longest name of a field and its colon: `event:`. */
const fieldChars = 6;
/** A reply that begins with more blank bytes than this is no event stream. */
const maxBlankBytes = 4_096;

/** Reads the first characters that are not blank. @returns them, and a body that has all bytes. */
async function peek(body: Readable): Promise<{ readonly start: string; readonly whole: Readable }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let start = '';
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    start = Buffer.concat(chunks)
      .toString('utf8')
      .replace(/^[\uFEFF\s]+/u, '');
    if (start.length >= fieldChars || bytes >= maxBlankBytes) break;
  }
  // A body that has ended takes no bytes back.
  if (body.readableEnded) return { start, whole: Readable.from(chunks) };
  body.unshift(Buffer.concat(chunks));
  return { start, whole: body };
}

/** Reads and discards the rest of the response after the end of the reply. */
function drain(body: Readable | undefined): void {
  // Often the body has closed together with the last event. Then a timer would keep the whole turn in memory.
  if (body === undefined || body.closed) return;
  const timer = setTimeout(() => body.destroy(), drainMs);
  body.once('close', () => clearTimeout(timer));
  body.resume();
}
