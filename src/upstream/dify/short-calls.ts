/** Calls that Dify answers with one complete response. Each call is one request with its own timeout. */
import { ChatError } from '../../chat/errors';
import { createCall, isSuccess, readStart, type Call, type Response } from '../http/call';
import type { CallSettings } from '../../chat/settings';
import type { GetJson } from './find-answer';
import { fromDifyError, fromTransportError } from './errors';
import { parseErrorBody, parseSuggestions } from './schema';
import type { Rating } from '../../chat/ports/upstream';

/** From the connection to the end of the reply, for calls that need no model. */
const timeoutMs = 5_000;
/** Longer, because a model writes a few short questions. */
const suggestTimeoutMs = 30_000;

export function getJson(settings: CallSettings): GetJson {
  return async (path, query) => requireOk(await send(settings, timeoutMs, (call) => call.get(path, query)));
}

export async function stop(settings: CallSettings, taskId: string, user: string): Promise<void> {
  const path = `/chat-messages/${encodeURIComponent(taskId)}/stop`;
  requireOk(await send(settings, timeoutMs, (call) => call.post(path, { user }, json)));
}

export async function rate(settings: CallSettings, messageId: string, rating: Rating): Promise<void> {
  const path = `/messages/${encodeURIComponent(messageId)}/feedbacks`;
  const reply = await send(settings, timeoutMs, (call) => call.post(path, rating, json));
  const hasNothingToTakeBack = rating.rating === null && isRefusal(reply, 400, 'invalid_param');
  if (!hasNothingToTakeBack && !isUnknownMessage(reply)) requireOk(reply);
}

export async function suggestQuestions(
  settings: CallSettings,
  messageId: string,
  user: string,
): Promise<readonly string[]> {
  const path = `/messages/${encodeURIComponent(messageId)}/suggested`;
  const reply = await send(settings, suggestTimeoutMs, (call) => call.get(path, { user }));
  // Dify's message is "Suggested Questions Is Disabled."
  if (isRefusal(reply, 400, 'bad_request') || isUnknownMessage(reply)) return [];
  const questions = parseSuggestions(requireOk(reply));
  if (questions === null) throw new ChatError('upstream-malformed');
  return questions;
}

export async function deleteConversation(
  settings: CallSettings,
  {
    conversationId,
    user,
    signal,
  }: { readonly conversationId: string; readonly user: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const path = `/conversations/${encodeURIComponent(conversationId)}`;
  const reply = await send(settings, timeoutMs, (call) => call.delete(path, { user }), signal);
  if (!isRefusal(reply, 404, 'not_found')) requireOk(reply);
}

const json = 'application/json';

interface Reply {
  readonly status: number;
  readonly body: string;
}

async function send(
  settings: CallSettings,
  withinMs: number,
  request: (call: Call) => Promise<Response>,
  signal?: AbortSignal,
): Promise<Reply> {
  // Nothing calls `deadlines.received`, so the deadline of the first byte is also that of the last byte.
  const firstByteTimeoutMs = Math.min(settings.firstByteTimeoutMs, withinMs);
  const connectTimeoutMs = Math.min(settings.connectTimeoutMs, withinMs);
  const call = createCall({ ...settings, connectTimeoutMs, firstByteTimeoutMs }, signal);
  try {
    const response = await request(call);
    const body = await readStart(response.body);
    const expired = call.expired();
    if (expired !== undefined) throw expired;
    return { status: response.status, body };
  } catch (error) {
    throw call.expired() ?? fromTransportError(error, { hasBegun: false });
  } finally {
    call.deadlines.cancel();
  }
}

/** Returns the body. @throws ChatError `upstream-…` unless the status is a success. */
function requireOk({ status, body }: Reply): string {
  if (!isSuccess(status)) throw fromDifyError(status, parseErrorBody(body));
  return body;
}

/** Checks Dify's own code. The 404 of a proxy or of a wrong address says nothing about the message. */
function isUnknownMessage(reply: Reply): boolean {
  return isRefusal(reply, 404, 'not_found');
}

function isRefusal({ status, body }: Reply, expected: number, code: string): boolean {
  return status === expected && parseErrorBody(body).code === code;
}
