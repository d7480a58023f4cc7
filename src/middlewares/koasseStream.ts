import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { relay, type Frame } from '../chat';
import { chatOf } from '../compose';
import { dropWhenStalled } from '../stalled-readers';

/** What a controller returns for a client that wants an event stream. It ends when it is done, or when `signal` fires. */
export interface EventSource {
  follow(signal: AbortSignal): AsyncGenerator<readonly Frame[], void>;
}

/** Whether the client asked for an event stream: by `Accept`, or as Dify's clients do by `response_mode` in the body. */
export function wantsEventStream(ctx: Context): boolean {
  // `Accept: */*` matches both; JSON stands first.
  if (ctx.accepts('json', 'text/event-stream') === 'text/event-stream') return true;
  const body = ctx.request.body as
    { response_mode?: unknown; data?: { response_mode?: unknown } | null } | null | undefined;
  return body?.response_mode === 'streaming' || body?.data?.response_mode === 'streaming';
}

/**
 * `global::koasseStream`: turns the event source a controller returned into a server-sent event stream. The controller
 * sees no header, no frame and no socket; the client's leaving ends this following and nothing else.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) => {
  const { heartbeatEveryMs, stalledReaderMs } = chatOf(strapi).settings;

  return async function koasseStream(ctx: Context, next: Next): Promise<void> {
    openResponses.add(ctx.res);
    ctx.res.once('close', () => openResponses.delete(ctx.res));
    await next();
    const source: unknown = ctx.body;
    if (!isEventSource(source)) return;

    ctx.status = 200;
    ctx.set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      // no-transform keeps compression away: it would hold back the stream until its end.
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    ctx.body = relay(source.follow(closeSignal(ctx)), { heartbeatEveryMs });
    dropWhenStalled(ctx, stalledReaderMs, strapi.log);
  };
};

/** Answers of turns that are still being sent, as JSON or as a stream. */
const openResponses = new Set<ServerResponse>();

/** Settles when every answer of a turn is sent, at the latest after `timeoutMs`: whoever reads so slowly can come back. */
export async function answersSent(timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  await Promise.all(
    [...openResponses].map((response) => once(response, 'close', { signal }).catch(() => undefined)),
  );
}

/** Fires when the response is closed, by whichever side. (The request's 'close' does not fire once its body is read.) */
export function closeSignal(ctx: Context): AbortSignal {
  const closed = new AbortController();
  // With a reason of its own: without one it would be an error with the stack of each reply, made for nobody.
  const abort = () => closed.abort('closed');
  if (ctx.res.closed) abort();
  else ctx.res.once('close', abort);
  return closed.signal;
}

function isEventSource(body: unknown): body is EventSource {
  return typeof (body as EventSource | null | undefined)?.follow === 'function';
}
