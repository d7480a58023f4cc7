/** Calls that Dify answers with one complete response. Each call is one request with its own timeout. */
import type { Rating } from '../../chat/ports/upstream';
import type { FileUpload } from '../../chat/model/file';
import type { CallSettings } from '../../chat/settings';
import { createForm } from '../http/form';
import { shortCall } from '../http/short-call';
import { requireUploaded, uploadTimeoutMs } from './files';
import type { GetJson } from './find-answer';
import {
  isRefusal,
  isUnknown,
  requireOk,
  requireRated,
  requireSuggestions,
  suggestTimeoutMs,
  timeoutMs,
} from './short-reply';

export function getJson(settings: CallSettings): GetJson {
  return async (path, query) =>
    requireOk(await shortCall(settings, timeoutMs, (call) => call.get(path, query)));
}

export async function stop(settings: CallSettings, taskId: string, user: string): Promise<void> {
  const path = `/chat-messages/${encodeURIComponent(taskId)}/stop`;
  requireOk(await shortCall(settings, timeoutMs, (call) => call.post(path, { user })));
}

export async function rate(settings: CallSettings, messageId: string, rating: Rating): Promise<void> {
  const path = `/messages/${encodeURIComponent(messageId)}/feedbacks`;
  requireRated(await shortCall(settings, timeoutMs, (call) => call.post(path, rating)), rating);
}

export async function suggestQuestions(
  settings: CallSettings,
  messageId: string,
  user: string,
): Promise<readonly string[]> {
  const path = `/messages/${encodeURIComponent(messageId)}/suggested`;
  const reply = await shortCall(settings, suggestTimeoutMs, (call) => call.get(path, { user }));
  // Dify's message is "Suggested Questions Is Disabled."
  if (isRefusal(reply, 400, 'bad_request') || isUnknown(reply)) return [];
  return requireSuggestions(reply);
}

export async function upload(settings: CallSettings, file: FileUpload, user: string): Promise<string> {
  const form = createForm(file, { user });
  const send = shortCall(settings, uploadTimeoutMs, (call) => call.postForm('/files/upload', form));
  return requireUploaded(await send);
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
  if (!isUnknown(reply)) requireOk(reply);
}
