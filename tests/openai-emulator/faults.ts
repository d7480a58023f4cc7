import { carriageReturns, everyByte, insideCharacters, several } from '../dify-emulator/cutters';
import type { Cutter } from '../dify-emulator/wire';
import type { Script } from './reply';
import type { ErrorBody, FinishReason } from './wire-types';

/** Answers as an OpenAI server does: a stream, or one JSON object if the request asks for none. */
export const generate: Script = async (reply) => {
  if (reply.body['stream'] !== true) return reply.complete();
  await reply.tell();
  await reply.finish();
  await reply.done();
  await reply.end();
};

const cutWith =
  (cutter: () => Cutter): (() => Script) =>
  () =>
  async (reply) => {
    reply.wire.cutWith(cutter());
    await generate(reply);
  };

const html = { 'Content-Type': 'text/html' };

/** Each fault is a script. Arguments that count mean pieces of the answer. */
export const faults = {
  // Valid replies in unusual bytes.
  splitEveryByte: cutWith(() => everyByte),
  splitCharacters: cutWith(() => insideCharacters),
  severalFrames: cutWith(() => several(5)),
  crlf: cutWith(() => carriageReturns),
  /** Comments that keep the connection alive, as OpenRouter sends them. */
  comments: (): Script => async (reply) => {
    for (let sent = 0; sent < 3; sent += 1) await reply.raw(': OPENROUTER PROCESSING\n\n');
    await generate(reply);
  },
  noContentType: (): Script => async (reply) => {
    reply.wire.open({ 'Content-Type': undefined });
    await generate(reply);
  },
  /** One piece of this many characters. */
  hugeFrame:
    (chars: number): Script =>
    async (reply) => {
      await reply.say('a'.repeat(chars));
      await reply.finish();
      await reply.done();
      await reply.end();
    },
  malformedFrame: (): Script => async (reply) => {
    await reply.raw('data: {"choices": [{"delta": {"content": "brok\n\n');
    await generate(reply);
  },

  // Other data.
  /** The whole answer as one JSON object, although the request asks for a stream. */
  jsonInsteadOfStream: (): Script => (reply) => reply.complete(),
  reasoning: (): Script => async (reply) => {
    await reply.delta({ role: 'assistant', content: null });
    for (const text of ['Let me ', 'think.']) {
      await reply.frame({
        id: reply.id,
        choices: [{ index: 0, delta: { content: null, reasoning_content: text, reasoning: text } }],
      });
    }
    await generate(reply);
  },
  toolCalls: (): Script => async (reply) => {
    await reply.delta({
      role: 'assistant',
      content: null,
      tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }],
    });
    await reply.finish('tool_calls');
    await reply.done();
    await reply.end();
  },

  // Ends.
  /** The pieces of the answer, then this finish reason. */
  finishes:
    (reason: FinishReason, after?: number): Script =>
    async (reply) => {
      await reply.tell(after);
      await reply.finish(reason);
      await reply.done();
      await reply.end();
    },
  withoutDone: (): Script => async (reply) => {
    await reply.tell();
    await reply.finish();
    await reply.end();
  },
  withoutFinishReason: (): Script => async (reply) => {
    await reply.tell();
    await reply.done();
    await reply.end();
  },
  /** The connection stays open after the finish reason, without a byte. */
  silenceAfterFinish: (): Script => async (reply) => {
    await reply.tell();
    await reply.finish();
    await reply.closed;
  },
  eof:
    (after: number): Script =>
    async (reply) => {
      await reply.tell(after);
      await reply.end();
    },
  reset:
    (after: number): Script =>
    async (reply) => {
      await reply.tell(after);
      await reply.raw('data: {"id":');
      await reply.wire.reset();
    },
  stall:
    (after: number): Script =>
    async (reply) => {
      reply.wire.open();
      if (after > 0) await reply.tell(after);
      await reply.closed;
    },
  errorInStream:
    (after: number, error: unknown): Script =>
    async (reply) => {
      await reply.tell(after);
      await reply.frame({ error });
      await reply.raw('data: [DONE]\n\n');
      await reply.end();
    },

  // Replies that are not a stream.
  refuses:
    (status: number, error: Partial<ErrorBody['error']>, retryAfter?: string): Script =>
    (reply) =>
      reply.refuse(status, error, retryAfter),
  /** Refuses a request with `stream_options`, as some servers do, with this status. */
  refusesStreamOptions:
    (status = 400): Script =>
    (reply) =>
      'stream_options' in reply.body
        ? reply.refuse(status, { message: 'Unrecognized request argument supplied: stream_options' })
        : generate(reply),
  htmlPage:
    (status: number): Script =>
    (reply) =>
      reply.wire.answer({ status, headers: html, body: '<html><body>nginx</body></html>' }),
  redirects:
    (location: string): Script =>
    (reply) =>
      reply.wire.answer({ status: 307, headers: { Location: location } }),
  noAnswer: (): Script => (reply) => reply.wire.hangUp(),
};
