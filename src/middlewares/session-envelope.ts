import type { Context, Next } from 'koa';

/** The paths of the session API. An error can come before a route is known, so they go by their text. */
const enveloped = /^(\/api)?\/(chat\/(sessions?|messages?)|aichat)(\/|$)/u;

/** The session API says `{ code, message, data }` of an error too, whoever found it; its controllers do so of success. */
export default () =>
  async function sessionEnvelope(ctx: Context, next: Next): Promise<void> {
    await next();
    const error = errorOf(ctx.body);
    if (error === undefined || !enveloped.test(ctx.path)) return;
    const { status } = ctx;
    ctx.body = { code: status, message: error.message, data: null, error: error.details ?? {} };
    ctx.status = status;
  };

function errorOf(body: unknown): { readonly message: string; readonly details?: unknown } | undefined {
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined;
  const { error } = body;
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined;
  return { message: String(error.message), details: 'details' in error ? error.details : undefined };
}
