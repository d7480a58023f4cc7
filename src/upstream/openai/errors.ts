import { ChatError, type ChatErrorCode } from '../../chat/errors';
import { codeOfStatus } from '../http/errors';
import { maskSecrets, withoutKey } from '../http/mask-secrets';
import type { ErrorDetail } from './schema';

/** Codes and types of errors of OpenAI and of compatible servers. */
const codes: Readonly<Record<string, ChatErrorCode>> = {
  access_terminated: 'upstream-misconfigured',
  authentication_error: 'upstream-misconfigured',
  billing_hard_limit_reached: 'upstream-quota-exceeded',
  billing_not_active: 'upstream-quota-exceeded',
  content_filter: 'upstream-rejected',
  content_policy_violation: 'upstream-rejected',
  context_length_exceeded: 'upstream-rejected',
  engine_overloaded_error: 'upstream-busy',
  exceeded_current_quota_error: 'upstream-quota-exceeded',
  insufficient_quota: 'upstream-quota-exceeded',
  invalid_api_key: 'upstream-misconfigured',
  invalid_organization: 'upstream-misconfigured',
  model_not_found: 'upstream-misconfigured',
  overloaded_error: 'upstream-busy',
  permission_error: 'upstream-misconfigured',
  rate_limit_error: 'upstream-busy',
  rate_limit_exceeded: 'upstream-busy',
  rate_limit_reached_error: 'upstream-busy',
  server_error: 'upstream-failed',
};

/** What an error needs besides its body. */
export interface ErrorContext {
  readonly status: number;
  /** The header of the response; empty without one. */
  readonly retryAfter?: string;
  /** The server can quote it. */
  readonly apiKey: string;
}

/**
 * Converts an error of an OpenAI-compatible server. Its text goes into `upstreamMessage` of the cause, for the operator.
 * Clients never get it.
 */
export function fromOpenAiError(
  { names, message }: ErrorDetail,
  { status, retryAfter = '', apiKey }: ErrorContext,
): ChatError {
  const known = names.find((name) => Object.hasOwn(codes, name));
  const code = (known === undefined ? undefined : codes[known]) ?? codeOf(status);
  const cause = {
    upstreamStatus: status,
    upstreamCode: known ?? 'unknown',
    ...(message !== '' && { upstreamMessage: maskSecrets(withoutKey(message, apiKey)) }),
  };
  const retryAfterSeconds = code === 'upstream-busy' ? toSeconds(retryAfter) : undefined;
  return new ChatError(code, { cause, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) });
}

function codeOf(status: number): ChatErrorCode {
  if (status === 402) return 'upstream-quota-exceeded';
  // Servers of Anthropic's kind are overloaded.
  if (status === 529) return 'upstream-busy';
  return codeOfStatus(status);
}

const maxRetryAfterSeconds = 3_600;

/** Reads a number of seconds. Undefined for a date, which few servers send, and for a nonsensical number. */
function toSeconds(retryAfter: string): number | undefined {
  const seconds = Math.ceil(Number(retryAfter));
  return retryAfter !== '' && seconds >= 1 ? Math.min(seconds, maxRetryAfterSeconds) : undefined;
}
