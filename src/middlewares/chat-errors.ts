import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context, Next } from 'koa';

import { ChatError, describeError } from '../chat';

/** The API folders of this application: the middleware answers for these and leaves the rest to Strapi. */
const chatApis: ReadonlySet<string> = new Set(['ai-character', 'chat-conversation', 'chat-session']);

/**
 * Errors of the chat as HTTP, in Strapi's shape. Strapi's own middleware knows no 409, 502 or 504 and would log the
 * whole error, which can quote SQL with what users wrote.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) =>
  async function chatErrors(ctx: Context, next: Next): Promise<void> {
    try {
      await next();
    } catch (error) {
      if (error instanceof ChatError) {
        if (error.status >= 500) strapi.log.warn(`${ctx.method} ${ctx.path}: ${describeError(error)}`);
        reply(ctx, error);
        return;
      }
      if (!isChatRoute(ctx) || isForClients(error)) throw error;
      strapi.log.error(`${ctx.method} ${ctx.path}: ${describeError(error)}`);
      reply(ctx, new ChatError('internal'));
      return;
    }
    // Without a token Strapi asks whether the Public role may, and says 403. Whoever has not logged in is told to.
    if (ctx.status === 403 && isChatRoute(ctx) && isAnonymous(ctx)) reply(ctx, new ChatError('unauthorized'));
  };

function reply(ctx: Context, { status, message, code, details }: ChatError): void {
  ctx.status = status;
  ctx.body = { data: null, error: { status, name: 'ChatError', message, details: { code, ...details } } };
}

function isForClients(error: unknown): boolean {
  return error instanceof errors.ApplicationError || error instanceof errors.HttpError;
}

function isChatRoute(ctx: Context): boolean {
  const route = ctx.state['route'] as { info?: { apiName?: string } } | undefined;
  return chatApis.has(route?.info?.apiName ?? '');
}

function isAnonymous(ctx: Context): boolean {
  const auth = ctx.state['auth'] as { credentials?: unknown } | undefined;
  return auth?.credentials === undefined || auth.credentials === null;
}
