import type { Context, Next } from 'koa';

/**
 * Matches the paths of the session API, known and unknown. The other paths below `/api/chat` are not of this API. It
 * checks the text, because an error can occur before the route is known.
 */
const enveloped = /^(\/api)?\/(aichat|chat\/(?!(search|export|me|ready|metrics)(\/|$)))/iu;

/**
 * Sends all errors of the session API as `{ code, message, data, error }`.
 * Its controllers use the same envelope for success.
 */
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
