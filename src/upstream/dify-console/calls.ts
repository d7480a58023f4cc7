/** Calls of the console that Dify answers with one complete response. */
import { ChatError } from '../../chat/errors';
import type { FoundAnswer, IsKnown, LostAnswer, Rating } from '../../chat/ports/upstream';
import type { FileUpload } from '../../chat/model/file';
import { requireUploaded, uploadTimeoutMs } from '../dify/files';
import { findMessage, messageLimit, toFoundAnswer } from '../dify/find-answer';
import { parseErrorBody, parseSavedMessages } from '../dify/schema';
import {
  isRefusal,
  isUnknown,
  requireOk,
  requireRated,
  requireSuggestions,
  suggestTimeoutMs,
  timeoutMs,
} from '../dify/short-reply';
import type { Call, Response } from '../http/call';
import { createForm } from '../http/form';
import { shortCall, type ShortReply } from '../http/short-call';
import { LoginExpiredError, type ConsoleSession } from './session';

/** An app of the console, with the login to it. */
export interface AppAccess {
  readonly session: ConsoleSession;
  readonly appId: string;
}

export const isAppId = (appId: string): boolean =>
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu.test(appId);

/** Returns the path of the app. @throws ChatError `upstream-misconfigured` unless the id is a UUID. */
export function pathOf(appId: string): string {
  if (isAppId(appId)) return `/apps/${appId}`;
  throw new ChatError('upstream-misconfigured', {
    cause: { remedy: 'The id of the Dify app must be a UUID.' },
  });
}

export function getApp(access: AppAccess): Promise<ShortReply> {
  return request(access, (call, path) => call.get(path, {}));
}

/** Lists the models that the account may use: `GET /workspaces/current/models/model-types/llm`. */
export function getModels(access: AppAccess): Promise<ShortReply> {
  return request(access, (call) => call.get('/workspaces/current/models/model-types/llm', {}));
}

export async function stop(access: AppAccess, taskId: string): Promise<void> {
  const stopped = `/chat-messages/${encodeURIComponent(taskId)}/stop`;
  requireOk(await request(access, (call, path) => call.post(`${path}${stopped}`, {})));
}

export async function rate(access: AppAccess, messageId: string, rating: Rating): Promise<void> {
  const body = { message_id: messageId, rating: rating.rating, content: rating.content };
  requireRated(await request(access, (call, path) => call.post(`${path}/feedbacks`, body)), rating);
}

export async function suggestQuestions(access: AppAccess, messageId: string): Promise<readonly string[]> {
  const suggested = `/chat-messages/${encodeURIComponent(messageId)}/suggested-questions`;
  const reply = await request(access, (call, path) => call.get(`${path}${suggested}`, {}), {
    withinMs: suggestTimeoutMs,
  });
  const isOff = isRefusal(reply, 403, 'app_suggested_questions_after_answer_disabled');
  if (isOff || isUnknown(reply)) return [];
  return requireSuggestions(reply);
}

export async function deleteConversation(
  access: AppAccess,
  conversationId: string,
  signal?: AbortSignal,
): Promise<void> {
  const conversation = `/chat-conversations/${encodeURIComponent(conversationId)}`;
  const remove = (call: Call, path: string) => call.delete(`${path}${conversation}`, undefined);
  const reply = await request(access, remove, { signal });
  if (!isUnknown(reply)) requireOk(reply);
}

/**
 * See `Upstream.findLostAnswer`. Searches only a known conversation: all users share the account, so the same words in
 * another conversation can be those of another user.
 */
export async function findLostAnswer(
  access: AppAccess,
  lost: LostAnswer,
  isKnown: IsKnown = async () => false,
): Promise<FoundAnswer | null> {
  const { conversationId } = lost;
  if (conversationId === null) return null;
  const newest = await listMessages(access, { conversation_id: conversationId, limit: messageLimit });
  const found = await findMessage(parseSavedMessages(newest), lost, isKnown);
  return found && toFoundAnswer(found, conversationId);
}

/** Returns the body of a page of messages. */
export async function listMessages(
  access: AppAccess,
  query: Readonly<Record<string, string>>,
): Promise<string> {
  return requireOk(await request(access, (call, path) => call.get(`${path}/chat-messages`, query)));
}

/** All apps of the account can use the file. */
export async function upload(access: AppAccess, file: FileUpload): Promise<string> {
  const send = (call: Call) => call.postForm('/files/upload', createForm(file, {}));
  return requireUploaded(await request(access, send, { withinMs: uploadTimeoutMs }));
}

interface RequestOptions {
  readonly withinMs?: number;
  readonly signal?: AbortSignal | undefined;
}

async function request(
  { session, appId }: AppAccess,
  make: (call: Call, path: string) => Promise<Response>,
  { withinMs = timeoutMs, signal }: RequestOptions = {},
): Promise<ShortReply> {
  const path = pathOf(appId);
  return session.run(async (target) => {
    const reply = await shortCall(target, withinMs, (call) => make(call, path), signal);
    if (reply.status === 401) throw new LoginExpiredError(parseErrorBody(reply.body));
    return reply;
  });
}
