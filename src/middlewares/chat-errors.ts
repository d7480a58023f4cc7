import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context, Next } from 'koa';

import { ChatError, describeError } from '../chat';
import { needsNoLogin } from '../http/requests/account-paths';
import { isAppUser } from '../http/owner';
import { setRateLimit } from '../http/rate-limit';
import { isDriverError } from '../database/sql/driver-errors';
import {
  isDatabaseUnavailable,
  isDataException,
  isSystemError,
  isUniqueViolation,
} from '../database/sql/errors';

/**
 * The API folders of this application. On other routes, Strapi handles its own errors.
 * The body is parsed before the route is known.
 */
export const chatApis: readonly string[] = [
  'ai-sdk',
  'ai-character',
  'chat',
  'chat-conversation',
  'chat-session',
  'conversation',
  'dify',
  'history',
  'openai',
  'openapi',
];

interface ChatErrorsConfig {
  /** The names of these APIs, if they differ. */
  readonly apis?: readonly string[];
}

/**
 * Sends errors of the chat as HTTP replies in Strapi's shape.
 * Strapi's own middleware does not know 409, 502 and 504.
 * It would also log the whole error, which can quote SQL with users' texts.
 * On every route, an unavailable database is a 503, and a value that the database refuses is a 400.
 */
export default ({ apis = chatApis }: ChatErrorsConfig, { strapi }: { strapi: Core.Strapi }) =>
  async function chatErrors(ctx: Context, next: Next): Promise<void> {
    try {
      await next();
    } catch (error) {
      if (isStrapis(ctx, error, apis)) throw error;
      answer(ctx, error);
      return;
    }
    // `patches/admin-login-errors.ts` keeps an error that Strapi hides.
    const hidden: unknown = ctx.status >= 500 ? ctx.state['hiddenError'] : undefined;
    if (hidden !== undefined && !isStrapis(ctx, hidden, apis)) answer(ctx, hidden);
    const refusal = ctx.status === 403 ? toClearRefusal(ctx) : undefined;
    if (refusal !== undefined) reply(ctx, refusal);

    function answer(ctx: Context, error: unknown): void {
      if (ctx.res.closed) {
        // The client has left, which is often the reason for the error. Only the request log shows it, as nginx's 499.
        ctx.status = 499;
        return;
      }
      const known = toKnownError(error);
      if (known.status >= 500) strapi.log.error(`${ctx.method} ${ctx.path}: ${describeError(error)}`);
      reply(ctx, known);
    }
  };

/** Returns an error that says more than Strapi's 403, if the client can do something. */
function toClearRefusal(ctx: Context): ChatError | undefined {
  const { info, config } = routeOf(ctx);
  if (info?.type !== 'content-api') return undefined;
  // Without a token, Strapi checks the Public role and replies 403. A client that is not logged in gets 401 instead.
  if (isAnonymous(ctx)) return needsNoLogin(ctx.path) ? undefined : new ChatError('unauthorized');
  const sentence = config?.forUsers;
  return sentence !== undefined && isAppUser(ctx) ? new ChatError('forbidden', { sentence }) : undefined;
}

function reply(ctx: Context, error: ChatError): void {
  const { status, message, code, details, retryAfterSeconds, rateLimit } = error;
  ctx.status = status;
  if (rateLimit !== undefined) setRateLimit(ctx, rateLimit);
  if (retryAfterSeconds !== undefined) ctx.set('Retry-After', String(retryAfterSeconds));
  ctx.body = { data: null, error: { status, name: 'ChatError', message, details: { code, ...details } } };
}

/** Returns whether Strapi handles the error: errors of its own classes, and bugs on other routes. */
function isStrapis(ctx: Context, error: unknown, apis: readonly string[]): boolean {
  if (error instanceof ChatError) return false;
  if (error instanceof errors.ApplicationError || error instanceof errors.HttpError) return true;
  const hasRoute = ctx.state['route'] !== undefined;
  if (!hasRoute || apis.includes(routeOf(ctx).info?.apiName ?? '') || isDataException(error)) return false;
  // Strapi's own routes also send mails and save files.
  return !isDatabaseUnavailable(error) || (isSystemError(error) && !isDriverError(error));
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

/**
 * Returns the 4xx status of an error from a parser of bodies or paths. Each parser has its own name for the status.
 * Returns 400 if the database refuses a value.
 */
function refusalStatus(error: unknown): number | undefined {
  const { status, httpCode } = error as { status?: unknown; httpCode?: unknown };
  const number = Number(status ?? httpCode);
  if (number >= 400 && number < 500) return number;
  return isDataException(error) || isUniqueViolation(error) ? 400 : undefined;
}

/** The route of a request, as far as middlewares read it. */
interface Route {
  readonly info?: { readonly apiName?: string; readonly type?: string };
  /** `forUsers` tells users of a route for API tokens where their own data is. */
  readonly config?: { readonly forUsers?: string; readonly auth?: false | object };
}

export function routeOf(ctx: Context): Route {
  return (ctx.state['route'] ?? {}) as Route;
}

function isAnonymous(ctx: Context): boolean {
  const auth = ctx.state['auth'] as { credentials?: unknown } | undefined;
  return auth?.credentials === undefined || auth.credentials === null;
}
