import type { Context, Next } from 'koa';

import { toDifyError, toOpenAIError, toSessionError } from '../chat';
import { errorShapeOf } from '../http/error-shape';

/** An error as the middlewares below have sent it. */
interface SentError {
  readonly status: number;
  readonly message: string;
  readonly details?: {
    readonly code?: string;
    readonly errors?: readonly { readonly path?: readonly string[] }[];
  };
}

interface ErrorShapesConfig {
  /** What stands before the paths of the Dify API, e.g. `/api/ai`. */
  readonly start?: string | undefined;
}

/** Sends all errors of the APIs for clients of others in the shapes of their contracts. */
export default ({ start }: ErrorShapesConfig = {}) =>
  async function errorShapes(ctx: Context, next: Next): Promise<void> {
    await next();
    const error = errorOf(ctx);
    if (error === undefined) return;
    const path =
      start !== undefined && ctx.path.startsWith(`${start}/`) ? ctx.path.slice(start.length) : ctx.path;
    const shape = errorShapeOf(path);
    if (shape === 'envelope') replyInEnvelope(ctx, error);
    if (shape === 'dify') replyAsDify(ctx, error);
    if (shape === 'openai') replyAsOpenAI(ctx, error);
  };

/** The session API uses the same envelope for success. */
function replyInEnvelope(ctx: Context, { status, message, details }: SentError): void {
  ctx.body = toSessionError(status, message, details ?? {});
  ctx.status = status;
}

function replyAsDify(ctx: Context, { status, message, details }: SentError): void {
  const code = isOfBody(ctx, details?.code) ? undefined : details?.code;
  const reply = toDifyError({ code, status, message });
  ctx.body = reply;
  ctx.status = reply.status;
  if (reply.status === 401) ctx.set('WWW-Authenticate', 'Bearer realm="api"');
}

/** OpenAI's clients sleep as long as `Retry-After` says, also for a day. */
const maxRetryAfterSeconds = 60;

function replyAsOpenAI(ctx: Context, { status, message, details }: SentError): void {
  const param = details?.errors?.[0]?.path?.join('.');
  const failure = toOpenAIError({ code: details?.code, status, message, param });
  ctx.body = failure.body;
  ctx.status = failure.status;
  if (Number(ctx.response.get('Retry-After')) > maxRetryAfterSeconds) ctx.set('x-should-retry', 'false');
}

/** Dify has a code of its own for a body that is not JSON. The body is parsed before the route is known. */
const isOfBody = (ctx: Context, code: string | undefined): boolean =>
  code === 'invalid-request' && ctx.state['route'] === undefined;

/** Returns the error in Strapi's shape; undefined if the body has none. */
function errorOf({ body, status }: Context): SentError | undefined {
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined;
  const { error } = body;
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined;
  const { details } = error as Pick<SentError, 'details'>;
  return { status, message: String(error.message), ...(details !== undefined && { details }) };
}
