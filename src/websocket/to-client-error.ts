import type { Core } from '@strapi/strapi';

import { ChatError, describeError } from '../chat';
import { isDatabaseUnavailable, isDataException } from '../database/sql/errors';

/** Creates a function that returns the error to send to a client. It logs server errors (5xx) by their codes. */
export function createToClientError(strapi: Core.Strapi): (error: unknown) => ChatError {
  return (error) => {
    const known = toChatError(error);
    if (known.status >= 500) strapi.log.error(`WebSocket: ${describeError(known)}`);
    return known;
  };
}

function toChatError(error: unknown): ChatError {
  if (error instanceof ChatError) return error;
  if (isDataException(error)) return new ChatError('invalid-request');
  return new ChatError(isDatabaseUnavailable(error) ? 'database-unavailable' : 'internal', { cause: error });
}
