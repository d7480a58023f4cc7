import { z } from 'zod';

import type { ChatErrorCode } from '../../errors';
import type { Reply } from '../reply';

/** An error in the shape of Dify. */
export const difyError = z.object({ code: z.string(), status: z.int(), message: z.string() });
export type DifyError = Reply<typeof difyError>;

interface Row {
  readonly code: string;
  readonly status: number;
  /** Dify's sentence. Without it, the client gets this server's. */
  readonly message?: string;
}

const model = { code: 'completion_request_error', status: 400 };
const internal = { code: 'internal_server_error', status: 500 };

/**
 * Errors that Dify has a code for. The others keep this server's code and status, e.g. the limits.
 * A failure while answering has status 400: clients of Dify show an error event only then.
 */
const rows: Readonly<Partial<Record<ChatErrorCode, Row>>> = {
  'invalid-request': { code: 'invalid_param', status: 400 },
  'character-not-found': { code: 'app_not_found', status: 404, message: 'App not found.' },
  'character-without-prompt': {
    code: 'app_unavailable',
    status: 400,
    message: 'App unavailable, please check your app configurations.',
  },
  unauthorized: { code: 'unauthorized', status: 401, message: 'Access token is invalid' },
  'login-ended': { code: 'unauthorized', status: 401 },
  forbidden: { code: 'forbidden', status: 403 },
  'session-not-found': { code: 'not_found', status: 404, message: 'Conversation Not Exists.' },
  'message-not-found': { code: 'not_found', status: 404, message: 'Message Not Exists.' },
  'turn-not-found': { code: 'not_found', status: 404, message: 'Message Not Exists.' },
  'file-not-found': { code: 'not_found', status: 404 },
  'payload-too-large': { code: 'file_too_large', status: 413 },
  'unsupported-media-type': { code: 'unsupported_media_type', status: 415 },
  'upstream-conversation-gone': {
    code: 'conversation_completed',
    status: 400,
    message: 'The conversation has ended. Please start a new conversation.',
  },
  'upstream-misconfigured': { code: 'provider_not_initialize', status: 400 },
  'upstream-model-unavailable': { code: 'model_currently_not_support', status: 400 },
  'upstream-quota-exceeded': { code: 'provider_quota_exceeded', status: 400 },
  'upstream-rejected': { code: 'invalid_param', status: 400 },
  'upstream-failed': model,
  'upstream-unreachable': model,
  'upstream-malformed': model,
  'upstream-interrupted': model,
  'upstream-timeout': model,
  'upstream-busy': model,
  'answer-too-long': model,
  'process-died': internal,
  internal,
};

/** Errors of the framework, which have no code of this server. */
const codesOfStatus: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'request_entity_too_large',
  415: 'unsupported_media_type',
};

/** Converts an error of this server, or of the framework if `code` is missing. */
export function toDifyError(error: {
  readonly code?: string | undefined;
  readonly status: number;
  readonly message: string;
}): DifyError {
  const code = error.code ?? codesOfStatus[error.status] ?? internal.code;
  const row: Row = { code, status: error.status, ...(rows as Readonly<Record<string, Row>>)[code] };
  return { code: row.code, message: row.message ?? error.message, status: row.status };
}
