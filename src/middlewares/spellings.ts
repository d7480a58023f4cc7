import type { Context, Next } from 'koa';

import { lowerIdsInPath } from '../http/requests/lower-case-ids';

/**
 * Reads paths and headers in other spellings. A UUID can be in upper case (RFC 9562). Polyfills of EventSource send
 * `Last-Event-ID` as a query parameter.
 */
export default () =>
  function spellings(ctx: Context, next: Next): Promise<void> {
    const path = lowerIdsInPath(ctx.path);
    // Setting it is slow, because Koa parses the URL again.
    if (path !== ctx.path) ctx.path = path;
    const { lastEventId } = ctx.query;
    if (typeof lastEventId === 'string' && lastEventId !== '') {
      ctx.request.headers['last-event-id'] ??= lastEventId;
    }
    return next();
  };
