/** Calls that Dify answers with one complete response. Each call is one request with its own timeout. */
import { ChatError } from '../../chat/errors';
import { isSuccess } from '../http/call';
import { shortCall, type ShortReply } from '../http/short-call';
import type { CallSettings } from '../../chat/settings';
import type { GetJson } from './find-answer';
import { fromDifyError } from './errors';
import { parseErrorBody, parseSuggestions } from './schema';
import type { Rating } from '../../chat/ports/upstream';

/** From the connection to the end of the reply, for calls that need no model. */
const timeoutMs = 5_000;
/** Longer, because a model writes a few short questions. */
const suggestTimeoutMs = 30_000;

export function getJson(settings: CallSettings): GetJson {
  return async (path, query) =>
    requireOk(await shortCall(settings, timeoutMs, (call) => call.get(path, query)));
}

export async function stop(settings: CallSettings, taskId: string, user: string): Promise<void> {
  const path = `/chat-messages/${encodeURIComponent(taskId)}/stop`;
  requireOk(await shortCall(settings, timeoutMs, (call) => call.post(path, { user }, json)));
}

export async function rate(settings: CallSettings, messageId: string, rating: Rating): Promise<void> {
  const path = `/messages/${encodeURIComponent(messageId)}/feedbacks`;
  const reply = await shortCall(settings, timeoutMs, (call) => call.post(path, rating, json));
  const hasNothingToTakeBack = rating.rating === null && isRefusal(reply, 400, 'invalid_param');
  if (!hasNothingToTakeBack && !isUnknownMessage(reply)) requireOk(reply);
}

export async function suggestQuestions(
  settings: CallSettings,
  messageId: string,
  user: string,
): Promise<readonly string[]> {
  const path = `/messages/${encodeURIComponent(messageId)}/suggested`;
  const reply = await shortCall(settings, suggestTimeoutMs, (call) => call.get(path, { user }));
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
  const reply = await shortCall(settings, timeoutMs, (call) => call.delete(path, { user }), signal);
  if (!isRefusal(reply, 404, 'not_found')) requireOk(reply);
}

const json = 'application/json';

/** Returns the body. @throws ChatError `upstream-…` unless the status is a success. */
function requireOk({ status, body }: ShortReply): string {
  if (!isSuccess(status)) throw fromDifyError(status, parseErrorBody(body));
  return body;
}

/** Checks Dify's own code. The 404 of a proxy or of a wrong address says nothing about the message. */
function isUnknownMessage(reply: ShortReply): boolean {
  return isRefusal(reply, 404, 'not_found');
}

function isRefusal({ status, body }: ShortReply, expected: number, code: string): boolean {
  return status === expected && parseErrorBody(body).code === code;
}
