/** What the calls of both Dify APIs share that Dify answers with one complete response. */
import { ChatError } from '../../chat/errors';
import type { Rating } from '../../chat/ports/upstream';
import { isSuccess } from '../http/call';
import type { ShortReply } from '../http/short-call';
import { fromDifyError } from './errors';
import { parseErrorBody, parseSuggestions } from './schema';

/** From the connection to the end of the reply, for calls that need no model. */
export const timeoutMs = 5_000;
/** Longer, because a model writes a few short questions. */
export const suggestTimeoutMs = 30_000;

/** Returns the body. @throws ChatError `upstream-…` unless the status is a success. */
export function requireOk({ status, body, apiKey }: ShortReply): string {
  if (!isSuccess(status)) throw fromDifyError(status, parseErrorBody(body, apiKey));
  return body;
}

/** Returns whether Dify refused the call with this code of its own. */
export function isRefusal({ status, body }: ShortReply, expected: number, code: string): boolean {
  return status === expected && parseErrorBody(body).code === code;
}

/** Checks Dify's own code. The 404 of a proxy or of a wrong address says nothing about the message. */
export function isUnknown(reply: ShortReply): boolean {
  return isRefusal(reply, 404, 'not_found');
}

/** Accepts an unknown message, and the removal of a rating that does not exist. @throws ChatError `upstream-…` */
export function requireRated(reply: ShortReply, { rating }: Rating): void {
  const hasNothingToTakeBack = rating === null && isRefusal(reply, 400, 'invalid_param');
  if (!hasNothingToTakeBack && !isUnknown(reply)) requireOk(reply);
}

/** Returns the suggested questions. @throws ChatError `upstream-…` if the reply has none. */
export function requireSuggestions(reply: ShortReply): readonly string[] {
  const questions = parseSuggestions(requireOk(reply));
  if (questions === null) throw new ChatError('upstream-malformed');
  return questions;
}
