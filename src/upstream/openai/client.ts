import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

import type { TakeEvents, Upstream, UpstreamQuestion } from '../../chat/ports/upstream';
import type { CallSettings } from '../../chat/settings';
import { createCall, isSuccess, readStart, type Call, type Response } from '../http/call';
import { detectEventStream } from '../http/event-stream';
import { readReply, type OpenedReply } from '../http/read-reply';
import { fromOpenAiError } from './errors';
import { findModelProblem } from './find-problem';
import { toMessages, type ChatMessage } from './messages';
import { parseParameters, type ModelParameters } from './parameters';
import { createStreamedReply, createWholeReply } from './reply';
import { parseErrorBody } from './schema';
import type { OpenAiSettings } from './settings';

export interface OpenAiClientOptions {
  readonly settings: OpenAiSettings;
  readonly warn: (message: string) => void;
}

/**
 * Creates an upstream that asks an OpenAI-compatible server for chat completions. The server keeps nothing: each
 * question brings the earlier ones. So it finds no lost answers, takes no ratings, suggests no questions and has no
 * conversations. It gets no `inputs`.
 */
export function createOpenAiClient({ settings, warn }: OpenAiClientOptions): Upstream {
  const callSettings: CallSettings = { ...settings, apiUrl: settings.baseUrl };
  const { apiKey, maxFrameChars } = settings;
  /** The running requests, by this server's own task ids. */
  const running = new Map<string, AbortController>();
  let takesStreamOptions = true;

  return {
    ask,
    savesAnswers: false,
    keepsConversations: false,
    hasBranches: true,
    waiting: () => 0,
    stop: async (taskId) => running.get(taskId)?.abort(),
    findProblem: ({ model = settings.model } = {}) => findModelProblem(callSettings, model),
    findLostAnswer: async () => null,
    rate: async () => undefined,
    suggestQuestions: async () => [],
    deleteConversation: async () => undefined,
  };

  async function ask(question: UpstreamQuestion, take: TakeEvents): Promise<void> {
    const taskId = randomUUID();
    const stopping = new AbortController();
    running.set(taskId, stopping);
    try {
      // Before the request, because a model can think for a long time before its first byte.
      take([{ type: 'identified', taskId, messageId: undefined, conversationId: undefined }]);
      const request = await toRequest(question, settings);
      stopping.signal.throwIfAborted();
      const call = createCall(callSettings, stopping.signal);
      await readReply(call, () => open(call, request, taskId), take);
    } catch (error) {
      if (!stopping.signal.aborted) throw error;
      take([{ type: 'completed', usage: null }]);
    } finally {
      running.delete(taskId);
    }
  }

  async function open(call: Call, request: ChatRequest, taskId: string): Promise<OpenedReply> {
    const response = await post(call, request);
    const { isEventStream, body } = await detectEventStream(response);
    const { status, retryAfter } = response;
    if (!isSuccess(status))
      throw fromOpenAiError(parseErrorBody(await readStart(body)), { status, retryAfter, apiKey });
    const createReply = isEventStream ? createStreamedReply : createWholeReply;
    return { body, reply: createReply({ taskId, apiKey, maxFrameChars, warn }) };
  }

  /** Asks for the usage. A server that refuses this field is asked once more, and from then on, without it. */
  async function post(call: Call, request: ChatRequest): Promise<Response> {
    const send = (body: unknown) => call.post('/chat/completions', body, 'text/event-stream');
    if (!takesStreamOptions) return send(request);
    const response = await send({ ...request, stream_options: { include_usage: true } });
    if (!refusesFields.has(response.status)) return response;
    const body = await readStart(response.body);
    if (!/stream_options|include_usage/u.test(body))
      return { ...response, body: Readable.from([Buffer.from(body)]) };
    const second = await send(request);
    // Not after any refusal, because one can quote a user. Without the usage, tokens are only estimated.
    if (isSuccess(second.status)) takesStreamOptions = false;
    return second;
  }
}

/** Servers refuse an unknown field with one of these. */
const refusesFields: ReadonlySet<number> = new Set([400, 422]);

interface ChatRequest extends ModelParameters {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly stream: true;
  /** A pseudonym. */
  readonly user: string;
}

async function toRequest(question: UpstreamQuestion, settings: OpenAiSettings): Promise<ChatRequest> {
  const { user, model, parameters = {} } = question;
  return {
    ...parseParameters(parameters),
    model: model?.name ?? settings.model,
    messages: await toMessages(question, settings.historyTokens),
    stream: true,
    user,
  };
}
