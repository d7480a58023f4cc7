import type { Context } from 'koa';

import { ChatError } from '../../chat';

/**
 * Returns the id of the last event that the client has; 0 for none. Clients that cannot set headers send `after`
 * instead of the standard's `Last-Event-ID`.
 */
export function cursorOf(ctx: Context): number {
  return parseCursor(ctx.get('Last-Event-ID') || ctx.query['after'] || '0');
}

/** Returns the last event that the client has of a question that it sends again with its key; else 0. */
export function cursorOfResend(ctx: Context): number {
  return ctx.get('Idempotency-Key') === '' ? 0 : parseCursor(ctx.get('Last-Event-ID') || '0');
}

function parseCursor(text: unknown): number {
  if (typeof text === 'string' && /^\d{1,9}$/u.test(text)) return Number(text);
  throw new ChatError('invalid-request', {
    sentence: 'after (or Last-Event-ID) must be the id of an event.',
  });
}
