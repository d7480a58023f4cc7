import { setTimeout as pause } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { composeAnswer } from '../dify-emulator/answer';
import { isRecord, type RecordedRequest } from '../dify-emulator/requests';
import { toDeltas } from '../dify-emulator/text';
import { createWire, type Wire } from '../dify-emulator/wire';
import type { Chunk, Completion, ErrorBody, FinishReason, Usage } from './wire-types';

export type Script = (reply: Reply) => void | Promise<void>;

/** One POST /chat/completions, and what a script can send for it. */
export interface Reply {
  readonly request: RecordedRequest;
  readonly body: Readonly<Record<string, unknown>>;
  readonly wire: Wire;
  /** Resolves after either side has ended the response. */
  readonly closed: Promise<void>;
  readonly id: string;
  /** The pieces of the answer to this request. */
  readonly deltas: readonly string[];
  readonly usage: Usage;
  /** Sends bytes unchanged. */
  raw(text: string): Promise<void>;
  /** Sends a frame with any JSON. */
  frame(json: unknown): Promise<void>;
  /** Sends a chunk with this delta. */
  delta(delta: Chunk['choices'][number]['delta'], finishReason?: FinishReason | null): Promise<void>;
  /** Sends a piece of the answer. */
  say(text: string): Promise<void>;
  /** Sends the first chunk, which has only the role, and pieces of the answer. Default: all. */
  tell(count?: number): Promise<void>;
  /** Sends the chunk with the finish reason. */
  finish(reason?: FinishReason): Promise<void>;
  /** Sends the chunk with the usage, if the request asks for one, and `[DONE]`. */
  done(): Promise<void>;
  /** Sends an error instead of a stream. */
  refuse(status: number, error: Partial<ErrorBody['error']>, retryAfter?: string): Promise<void>;
  /** Sends the whole answer as one JSON object. */
  complete(): Promise<void>;
  pause(ms: number): Promise<void>;
  /** Ends the response. */
  end(): Promise<void>;
}

export function createReply(request: RecordedRequest, res: ServerResponse): Reply {
  const wire = createWire(res, '1.x');
  const body = isRecord(request.body) ? request.body : {};
  const id = `chatcmpl-${randomBytes(16).toString('hex')}`;
  const deltas = toDeltas(answerTo(body));
  const usage = usageOf(deltas);
  const head = {
    id,
    created: Math.floor(Date.now() / 1_000),
    model: typeof body['model'] === 'string' ? body['model'] : '',
  };
  const raw = (text: string) => wire.write(Buffer.from(text));
  const frame = (json: unknown) => raw(`data: ${JSON.stringify(json)}\n\n`);
  const chunk = (rest: Pick<Chunk, 'choices' | 'usage'>) =>
    frame({ ...head, object: 'chat.completion.chunk', ...rest } satisfies Chunk);
  const delta: Reply['delta'] = (given, finishReason = null) =>
    chunk({ choices: [{ index: 0, delta: given, finish_reason: finishReason, logprobs: null }] });
  const say = (text: string) => delta({ content: text });

  return {
    request,
    body,
    wire,
    closed: wire.closed,
    id,
    deltas,
    usage,
    raw,
    frame,
    delta,
    say,
    tell: async (count = deltas.length) => {
      await delta({ role: 'assistant', content: '' });
      for (const text of deltas.slice(0, count)) await say(text);
    },
    finish: (reason = 'stop') => delta({}, reason),
    done: async () => {
      if (wantsUsage(body)) await chunk({ choices: [], usage });
      await raw('data: [DONE]\n\n');
    },
    refuse: (status, error, retryAfter) => {
      const json: ErrorBody = {
        error: { message: 'Refused.', type: 'invalid_request_error', param: null, code: null, ...error },
      };
      return wire.answer({ status, json, ...(retryAfter && { headers: { 'Retry-After': retryAfter } }) });
    },
    complete: () => {
      const message = { role: 'assistant', content: deltas.join(''), refusal: null } as const;
      const choices = [{ index: 0, message, finish_reason: 'stop' as const, logprobs: null }];
      const json: Completion = { ...head, object: 'chat.completion', choices, usage };
      return wire.answer({ status: 200, json });
    },
    pause: async (ms) => {
      await Promise.race([pause(ms), wire.closed]);
    },
    end: wire.end,
  };
}

function wantsUsage(body: Readonly<Record<string, unknown>>): boolean {
  const options = body['stream_options'];
  return isRecord(options) && options['include_usage'] === true;
}

/** Answers in character, from the messages of the request. */
function answerTo(body: Readonly<Record<string, unknown>>): string {
  const messages = Array.isArray(body['messages']) ? body['messages'].filter(isRecord) : [];
  const by = (role: string) =>
    messages.filter((message) => message['role'] === role).map((message) => String(message['content']));
  const questions = by('user');
  return composeAnswer({
    prompt: by('system')[0] ?? '',
    query: questions.at(-1) ?? '',
    earlier: questions.slice(0, -1),
  });
}

function usageOf(deltas: readonly string[]): Usage {
  return { prompt_tokens: 20, completion_tokens: deltas.length, total_tokens: 20 + deltas.length };
}
