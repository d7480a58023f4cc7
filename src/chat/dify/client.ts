import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';

import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';

import { ChatError, toChatError } from '../errors';
import { decodeSse, type SseMessage } from '../sse/decode';
import { startDeadlines, type Deadlines, type DeadlineSettings } from './deadlines';
import {
  findAnswer,
  findLostAnswer,
  type DifyMessage,
  type FoundAnswer,
  type GetJson,
  type LostAnswer,
} from './find-answer';
import { fromDifyError, fromTransportError } from './to-chat-error';
import { createReplyTranslator, type ReplyEvent, type ReplyTranslator } from './to-reply-event';
import { parseErrorBody, parseFrame } from './wire';

export type { DifyMessage, FoundAnswer, LostAnswer } from './find-answer';

export interface DifySettings extends DeadlineSettings {
  /** With `/v1`, without a slash at its end. */
  readonly apiUrl: string;
  readonly apiKey: string;
  /** The name under which the app's prompt template expects the character's prompt. */
  readonly promptInput: string;
  readonly maxFrameChars: number;
}

export interface DifyQuestion {
  readonly query: string;
  /** The app's own variables. Resent with every question: some releases take them only from the request. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly prompt: string;
  readonly user: string;
  /** Null begins a conversation. */
  readonly conversationId: string | null;
}

export interface DifyClient {
  /**
   * `POST /chat-messages`, always streaming: the reply's events, one batch per chunk received. Ends after `completed`;
   * the response is read on for a moment behind the caller's back, because Dify may still be naming the conversation.
   * Leaving the loop earlier closes the connection, and Dify then forgets the answer.
   * @throws ChatError `upstream-…`, before the first event or between two.
   */
  ask(question: DifyQuestion): AsyncGenerator<readonly ReplyEvent[], void>;
  /**
   * `POST /chat-messages/:task_id/stop`, for the user who asked. Dify says yes to everything and stops what it can; the
   * reply then ends by itself, and has to be read to that end or Dify saves nothing of it.
   * @throws ChatError `upstream-…` when Dify cannot be told.
   */
  stop(taskId: string, user: string): Promise<void>;
  /**
   * `GET /messages`: the answer Dify has saved for a message, which is there once it has come to its end. Null while
   * there is none; most versions never save one whose reader was lost.
   * @throws ChatError `upstream-…` when Dify cannot be asked.
   */
  findAnswer(message: DifyMessage, user: string): Promise<string | null>;
  /**
   * The answer Dify has saved for a question whose ids may have been lost with the process that asked: by its message
   * id, else by its words and its time, in its conversation or in those the user began then. Null where there is none,
   * while it is being generated, and where two could be meant.
   * @throws ChatError `upstream-…` when Dify cannot be asked; `upstream-conversation-gone` when it was deleted there.
   */
  findLostAnswer(lost: LostAnswer): Promise<FoundAnswer | null>;
}

export interface DifyClientOptions {
  readonly settings: DifySettings;
  readonly warn: (message: string) => void;
}

/** How long an answered response may stay open before we close it. */
const drainMs = 5_000;
/** For calls that do not wait for a model. */
const shortCallTimeoutMs = 5_000;
/** More than any JSON error of Dify's and than five long answers; what is longer is cut, and then is no JSON. */
const maxBodyBytes = 8 * 1024 * 1024;

export function createDifyClient(options: DifyClientOptions): DifyClient {
  const { settings } = options;
  const get: GetJson = (path, query) => getJson(settings, path, query);
  return {
    ask,
    stop: (taskId, user) => stop(settings, taskId, user),
    findAnswer: (message, user) => findAnswer(get, message, user),
    findLostAnswer: (lost) => findLostAnswer(get, lost),
  };

  async function* ask(question: DifyQuestion): AsyncGenerator<readonly ReplyEvent[], void> {
    const call = createCall(settings);
    let body: Readable | undefined;
    let isComplete = false;
    try {
      const response = await postQuestion(settings, question, call);
      await assertEventStream(response);
      body = response.data;
      isComplete = yield* readReply(body, call.deadlines, options);
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
  settings: DifySettings,
  question: DifyQuestion,
  call: Call,
): Promise<AxiosResponse<Readable>> {
  return post(settings, call, '/chat-messages', {
    query: question.query,
    inputs: { ...question.inputs, [settings.promptInput]: question.prompt },
    user: question.user,
    response_mode: 'streaming',
    conversation_id: question.conversationId ?? '',
  });
}

async function stop(settings: DifySettings, taskId: string, user: string): Promise<void> {
  const path = `/chat-messages/${encodeURIComponent(taskId)}/stop`;
  await callShortly(settings, (call) => post(settings, call, path, { user }));
}

function getJson(
  settings: DifySettings,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<string> {
  const url = `${settings.apiUrl}${path}?${new URLSearchParams(query).toString()}`;
  return callShortly(settings, (call) =>
    axios.get<Readable>(url, toConfig(settings, call, 'application/json')),
  );
}

/** A call that Dify answers at once and whole. @returns the body. */
async function callShortly(
  settings: DifySettings,
  send: (call: Call) => Promise<AxiosResponse<Readable>>,
): Promise<string> {
  const call = createCall({ ...settings, totalTimeoutMs: shortCallTimeoutMs });
  try {
    const { status, data } = await send(call);
    const body = await readStart(data);
    if (status !== 200) throw fromDifyError(status, parseErrorBody(body));
    return body;
  } catch (error) {
    throw call.expired() ?? fromTransportError(error, { hasBegun: false });
  } finally {
    call.deadlines.cancel();
  }
}

function post(
  settings: DifySettings,
  call: Call,
  path: string,
  body: unknown,
): Promise<AxiosResponse<Readable>> {
  return axios.post<Readable>(
    `${settings.apiUrl}${path}`,
    body,
    toConfig(settings, call, 'text/event-stream'),
  );
}

function toConfig({ apiKey }: DifySettings, { agent, signal }: Call, accept: string): AxiosRequestConfig {
  return {
    headers: {
      Authorization: `Bearer ${apiKey}`,
      Accept: accept,
      // Nothing to decompress: no bomb, and no encoder between two tokens.
      'Accept-Encoding': 'identity',
    },
    httpAgent: agent,
    httpsAgent: agent,
    signal,
    responseType: 'stream',
    decompress: false,
    maxRedirects: 0,
    proxy: false,
    validateStatus: () => true,
  };
}

/** @returns whether the reply came to its end. */
async function* readReply(
  body: Readable,
  deadlines: Deadlines,
  { settings, warn }: DifyClientOptions,
): AsyncGenerator<readonly ReplyEvent[], boolean> {
  const toReplyEvents = createReplyTranslator();
  const chunks = watched(body, deadlines);
  for await (const messages of decodeSse(chunks, { maxFrameChars: settings.maxFrameChars })) {
    const events: ReplyEvent[] = [];
    const failure = collect(messages, { toReplyEvents, events, warn });
    // What came before a failure in the same chunk is part of the answer.
    if (events.length > 0) yield events;
    if (failure !== undefined) throw failure;
    if (events.at(-1)?.type === 'completed') return true;
  }
  return false;
}

interface Collection {
  readonly toReplyEvents: ReplyTranslator;
  readonly events: ReplyEvent[];
  readonly warn: (message: string) => void;
}

/** Adds the events of these messages up to the end of the reply. @returns the error that ends it, if one does. */
function collect(
  messages: readonly SseMessage[],
  { toReplyEvents, events, warn }: Collection,
): ChatError | undefined {
  try {
    for (const { data } of messages) {
      const frame = parseFrame(data);
      if (frame === null) warn('Dify sent a frame that is no JSON object with an event; it is left out.');
      else events.push(...toReplyEvents(frame));
      if (events.at(-1)?.type === 'completed') break;
    }
    return undefined;
  } catch (error) {
    return toChatError(error);
  }
}

/** One upstream call: its own connection, its own deadlines, its own way to be cancelled. */
interface Call {
  readonly agent: http.Agent | https.Agent;
  readonly deadlines: Deadlines;
  readonly signal: AbortSignal;
  /** The deadline that ended the call, if one did. */
  expired(): ChatError | undefined;
}

function createCall(settings: DifySettings): Call {
  const abort = new AbortController();
  const deadlines = startDeadlines(settings, (error) => abort.abort(error));
  const isTls = settings.apiUrl.startsWith('https:');
  // A fresh connection for every question: a kept-alive one can hand a request the response to another (CVE-2026-48931).
  const agent = isTls ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false });
  const createConnection = agent.createConnection.bind(agent);
  agent.createConnection = (options, onCreated) => {
    const socket = createConnection(options, onCreated);
    socket?.once(isTls ? 'secureConnect' : 'connect', () => deadlines.connected());
    return socket;
  };
  return {
    agent,
    deadlines,
    signal: abort.signal,
    expired: () => (abort.signal.reason instanceof ChatError ? abort.signal.reason : undefined),
  };
}

async function* watched(body: Readable, deadlines: Deadlines): AsyncGenerator<Uint8Array, void> {
  // Left open on return: whoever opened the response decides whether it is drained or destroyed.
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  for await (const chunk of chunks) {
    deadlines.received();
    yield chunk;
  }
}

/** @throws ChatError unless Dify began an event stream. */
async function assertEventStream(response: AxiosResponse<Readable>): Promise<void> {
  const contentType = String(response.headers['content-type'] ?? '');
  if (response.status === 200 && /^\s*text\/event-stream\s*(;|$)/iu.test(contentType)) return;
  const body = await readStart(response.data);
  throw fromDifyError(response.status, parseErrorBody(body));
}

/** A body of bounded length. Where it breaks off, what came counts. */
async function readStart(body: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBodyBytes) break;
    }
  } catch {
    // The status is known and says enough.
  }
  return Buffer.concat(chunks).toString('utf8');
}

function drain(body: Readable | undefined): void {
  if (body === undefined) return;
  const timer = setTimeout(() => body.destroy(), drainMs);
  body.once('close', () => clearTimeout(timer));
  body.on('error', () => undefined);
  body.resume();
}
