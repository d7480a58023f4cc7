import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context, Next } from 'koa';

import { ChatError, describeError } from '../chat';
import { setRateLimit } from '../http/rate-limit';
import { isDatabaseUnavailable, isDataException, isUniqueViolation } from '../database/sql/errors';

/** The API folders of this application. Of other routes Strapi's errors stay Strapi's; a body is parsed before any. */
const chatApis: ReadonlySet<string> = new Set([
  'ai-character',
  'chat',
  'chat-conversation',
  'chat-session',
  'conversation',
  'history',
]);

/**
 * Errors of the chat as HTTP, in Strapi's shape. Strapi's own middleware knows no 409, 502 or 504 and would log the
 * whole error, which can quote SQL with what users wrote.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function chatErrors(ctx: Context, next: Next): Promise<void> {
    try {
      await next();
    } catch (error) {
      if (isStrapis(ctx, error)) throw error;
      if (ctx.res.closed) {
        // The client has left, which is often why it failed. Nobody is told; the log of requests is, as nginx would say it.
        ctx.status = 499;
        return;
      }
      const known = toKnownError(error);
      if (known.status >= 500) strapi.log.error(`${ctx.method} ${ctx.path}: ${describeError(error)}`);
      reply(ctx, known);
      return;
    }
    if (!isChatRoute(ctx)) return;
    // Without a token Strapi asks whether the Public role may, and says 403. Whoever has not logged in is told to.
    if (ctx.status === 403 && isAnonymous(ctx)) reply(ctx, new ChatError('unauthorized'));
  };

function reply(ctx: Context, error: ChatError): void {
  const { status, message, code, details, retryAfterSeconds, rateLimit } = error;
  ctx.status = status;
  if (rateLimit !== undefined) setRateLimit(ctx, rateLimit);
  if (retryAfterSeconds !== undefined) ctx.set('Retry-After', String(retryAfterSeconds));
  ctx.body = { data: null, error: { status, name: 'ChatError', message, details: { code, ...details } } };
}

/** Strapi's own error classes say what they mean; and other routes than ours are none of our business. */
function isStrapis(ctx: Context, error: unknown): boolean {
  if (error instanceof ChatError) return false;
  if (error instanceof errors.ApplicationError || error instanceof errors.HttpError) return true;
  const hasRoute = ctx.state['route'] !== undefined;
  return hasRoute && !isChatRoute(ctx);
}

function toKnownError(error: unknown): ChatError {
  if (error instanceof ChatError) return error;
  const status = refusalStatus(error);
  if (status === 400 && error instanceof SyntaxError) {
    return new ChatError('invalid-request', { sentence: 'The body must be valid JSON.' });
  }
  if (status === 413) return new ChatError('payload-too-large');
  if (status !== undefined) return new ChatError('invalid-request');
  return new ChatError(isDatabaseUnavailable(error) ? 'database-unavailable' : 'internal', { cause: error });
}

/** What parsers of bodies and paths throw, each with its own name for the status; and databases of values they refuse. */
function refusalStatus(error: unknown): number | undefined {
  const { status, httpCode } = error as { status?: unknown; httpCode?: unknown };
  const number = Number(status ?? httpCode);
  if (number >= 400 && number < 500) return number;
  return isDataException(error) || isUniqueViolation(error) ? 400 : undefined;
}

function isChatRoute(ctx: Context): boolean {
  const route = ctx.state['route'] as { info?: { apiName?: string } } | undefined;
  return chatApis.has(route?.info?.apiName ?? '');
}

function isAnonymous(ctx: Context): boolean {
  const auth = ctx.state['auth'] as { credentials?: unknown } | undefined;
  return auth?.credentials === undefined || auth.credentials === null;
}
