import { ChatError, type ChatErrorCode } from '../../chat/errors';
import { codeOfStatus } from '../http/errors';
import { maskSecrets } from '../http/mask-secrets';
import type { DifyErrorBody } from './schema';

/** Dify's own error codes, from error responses and from `error` events. */
const codes: Readonly<Record<string, ChatErrorCode>> = {
  agent_not_published: 'upstream-misconfigured',
  app_not_found: 'upstream-misconfigured',
  app_unavailable: 'upstream-misconfigured',
  bad_request: 'upstream-rejected',
  completion_request_error: 'upstream-failed',
  conversation_completed: 'upstream-conversation-gone',
  file_too_large: 'payload-too-large',
  forbidden: 'upstream-misconfigured',
  internal_server_error: 'upstream-failed',
  invalid_param: 'upstream-rejected',
  model_currently_not_support: 'upstream-model-unavailable',
  not_chat_app: 'upstream-misconfigured',
  not_found: 'upstream-rejected',
  provider_not_initialize: 'upstream-misconfigured',
  provider_quota_exceeded: 'upstream-quota-exceeded',
  rate_limit_error: 'upstream-quota-exceeded',
  too_many_requests: 'upstream-busy',
  unauthorized: 'upstream-misconfigured',
  unsupported_file_type: 'unsupported-media-type',
  unsupported_media_type: 'upstream-rejected',
};

/** For codes that clients usually get from this server itself. */
const sentences: Partial<Record<ChatErrorCode, string>> = {
  'payload-too-large': 'The answering service takes no file of this size. Send a smaller one.',
  'unsupported-media-type': 'The answering service takes no file of this kind. Send another kind.',
};

/**
 * Converts an error response of Dify. It reads Dify's text only for the beginnings of errors to which Dify gives a wrong
 * code. The text goes into `upstreamMessage` of the cause, for the operator. Clients never get it.
 */
export function fromDifyError(status: number, { code, message = '' }: DifyErrorBody): ChatError {
  const known = code !== undefined && Object.hasOwn(codes, code) ? code : undefined;
  const chosen = chooseCode();
  return new ChatError(chosen, { sentence: sentences[chosen], cause: toCause(status, known, message) });

  function chooseCode(): ChatErrorCode {
    if (message.startsWith('Too many requests')) return 'upstream-busy';
    if (message.startsWith('Conversation Not Exists')) return 'upstream-conversation-gone';
    return (known === undefined ? undefined : codes[known]) ?? codeOfStatus(status);
  }
}

/**
 * Converts an `error` event. It is a failure while answering, whatever its code: Dify refuses a question before the
 * stream. A chatflow reports every failure of its model as `invalid_param`.
 */
export function fromErrorEvent({
  status = 500,
  ...body
}: DifyErrorBody & { status?: number | undefined }): ChatError {
  const error = fromDifyError(status, body);
  return error.code === 'upstream-rejected'
    ? new ChatError('upstream-failed', { cause: error.cause })
    : error;
}

function toCause(status: number, code = 'unknown', message = ''): object {
  return {
    upstreamStatus: status,
    upstreamCode: code,
    ...(message !== '' && { upstreamMessage: maskSecrets(message) }),
  };
}
