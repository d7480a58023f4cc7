import { ChatError, type ChatErrorCode } from '../../chat/errors';
import { FrameTooLongError } from './sse';

/** Returns the code for a response without a known code of its own, e.g. HTML of a proxy in front of the upstream. */
export function codeOfStatus(status: number): ChatErrorCode {
  if (status === 504 || status === 524 || status === 408) return 'upstream-timeout';
  if (status === 503 || status === 429) return 'upstream-busy';
  if (status === 401 || status === 403 || status === 404) return 'upstream-misconfigured';
  if (status >= 500) return 'upstream-failed';
  if (status >= 400) return 'upstream-rejected';
  return 'upstream-malformed';
}

/**
 * Converts an error of the transport. Keeps only its short code, because its message names hosts.
 */
export function fromTransportError(error: unknown, { hasBegun }: { hasBegun: boolean }): ChatError {
  if (error instanceof ChatError) return error;
  if (error instanceof FrameTooLongError) return new ChatError('upstream-malformed', { cause: error });
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const cause = { transportCode: typeof code === 'string' ? code : 'unknown' };
  return new ChatError(hasBegun ? 'upstream-interrupted' : 'upstream-unreachable', { cause });
}
