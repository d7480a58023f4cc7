import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { ChatError, describeError, EventStream, ownFraming, type Batches, type Framing } from '../chat';
import { chatOf } from '../app';
import { prefersEventStream } from '../http/accept';
import { cutOffAfter } from '../http/cut-off';
import { onClosed } from '../http/on-closed';
import { loginEndOf } from '../strapi/logins/login-end';

/** The body that a controller sets for a client that wants an event stream. */
export interface EventSource {
  /** Ends when it is done or when `signal` fires. */
  follow(signal: AbortSignal): Batches;
  /** Default: the framing of this server. */
  readonly framing?: Framing;
}

/** Returns whether the client wants an event stream, by `Accept` or by `response_mode` in the body as with Dify. */
export function wantsEventStream(ctx: Context): boolean {
  if (prefersEventStream(ctx.get('Accept'))) return true;
  const body = ctx.request.body as
    { response_mode?: unknown; data?: { response_mode?: unknown } | null } | null | undefined;
  return body?.response_mode === 'streaming' || body?.data?.response_mode === 'streaming';
}

/**
 * `global::koasseStream`: sends the event source of a controller as a stream of server-sent events.
 * The controller handles no headers, frames or sockets.
 * If the client leaves, only this stream ends and the turn continues. The same applies to the end of the login.
 * The stream then sends a last event. A client that waits for JSON gets a 401.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) => {
  const { heartbeatEveryMs } = chatOf(strapi).settings;

  return async function koasseStream(ctx: Context, next: Next): Promise<void> {
    openResponses.add(ctx.res);
    // The client may have left while its login was checked.
    onClosed(ctx.res, () => openResponses.delete(ctx.res));
    const loginEnd = loginEndOf(strapi, ctx);
    await unlessEnded(loginEnd, next());
    const source: unknown = ctx.body;
    if (!isEventSource(source)) return;
    release(ctx);

    ctx.status = 200;
    ctx.set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      // `no-transform` prevents compression, which would hold the stream back until its end.
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    const { opening, heartbeat, lastEvent } = source.framing ?? ownFraming;
    const stream = new EventStream(source.follow(closeSignal(ctx, loginEnd)), {
      heartbeatEveryMs,
      opening,
      heartbeat,
      lastEvent: (frame) =>
        loginEnd.aborted ? lastEvent(frame?.data, new ChatError('login-ended')) : undefined,
      // Koa would log an error of its body itself, with its message, and let the client wait. A normal end would look
      // like the whole answer.
      onFailed(error) {
        if (!ctx.res.closed) strapi.log.error(`${ctx.method} ${ctx.path}: cut off: ${describeError(error)}`);
        ctx.res.destroy();
      },
    });
    ctx.res.once('pipe', () => ctx.res.flushHeaders());
    ctx.body = stream;
    cutOffAfter(loginEnd, goodbyeMs, ctx, strapi.log);
  };
};

/** Frees the parts of a request that only its controller needs. Node keeps the request until the response ends. */
function release(ctx: Context): void {
  ctx.request.body = undefined;
  const auth = ctx.state['auth'] as { ability?: unknown } | undefined;
  if (auth !== undefined) auth.ability = undefined;
}

/** How long a client may take to read the last event after the end of its login. */
const goodbyeMs = 2_000;

/** Waits for `work`. @throws ChatError `login-ended` if the login ends first. The result of `work` is then ignored. */
function unlessEnded(loginEnd: AbortSignal, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    loginEnd.addEventListener('abort', () => reject(new ChatError('login-ended')), { once: true });
    work.then(() => resolve(), reject);
  });
}

/** Responses with answers of turns that are still open, as JSON or as a stream. */
const openResponses = new Set<ServerResponse>();

/** Waits until all answers are sent, at most `timeoutMs`. A client that reads more slowly can come back later. */
export async function answersSent(timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  await Promise.all(
    [...openResponses].map((response) => once(response, 'close', { signal }).catch(() => undefined)),
  );
}

/**
 * Returns a signal that fires when either side closes the response, or together with `loginEnd`.
 * The request's 'close' event does not fire after its body was read.
 */
export function closeSignal(ctx: Context, loginEnd?: AbortSignal): AbortSignal {
  const closed = new AbortController();
  // The reason is a string. Without it, each reply would create an error with a stack that nobody reads.
  const abort = () => closed.abort('closed');
  if (loginEnd?.aborted === true) abort();
  else loginEnd?.addEventListener('abort', abort);
  onClosed(ctx.res, abort);
  return closed.signal;
}

function isEventSource(body: unknown): body is EventSource {
  return typeof (body as EventSource | null | undefined)?.follow === 'function';
}
