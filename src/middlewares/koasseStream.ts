import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { ChatError, EventStream, toLastEvent, type Frame } from '../chat';
import { chatOf } from '../app';
import { cutOffAfter } from '../http/cut-off';
import { loginEndOf } from '../strapi/logins/login-end';

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
 * sees no header, no frame and no socket; the client's leaving ends this following and nothing else. So does the end of
 * the login: the stream says so in a last event, and a client that waits for JSON gets a 401.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) => {
  const { heartbeatEveryMs } = chatOf(strapi).settings;

  return async function koasseStream(ctx: Context, next: Next): Promise<void> {
    openResponses.add(ctx.res);
    ctx.res.once('close', () => openResponses.delete(ctx.res));
    const loginEnd = loginEndOf(strapi, ctx);
    await unlessEnded(loginEnd, next());
    const source: unknown = ctx.body;
    if (!isEventSource(source)) return;

    ctx.status = 200;
    ctx.set({
      'Content-Type': 'text/event-stream; charset=utf-8',
      // no-transform keeps compression away: it would hold back the stream until its end.
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
    });
    const stream = new EventStream(source.follow(closeSignal(ctx, loginEnd)), {
      heartbeatEveryMs,
      lastEvent: (frame) =>
        loginEnd.aborted ? toLastEvent(frame?.data, new ChatError('login-ended')) : undefined,
    });
    // Koa would leave the client waiting. An orderly end would say that this was the whole answer.
    stream.once('error', () => ctx.res.destroy());
    ctx.res.once('pipe', () => ctx.res.flushHeaders());
    ctx.body = stream;
    cutOffAfter(loginEnd, goodbyeMs, ctx, strapi.log);
  };
};

/** How long a client may take to read the last event, after its login has ended. */
const goodbyeMs = 2_000;

/** @throws ChatError `login-ended` if that is first. Then nobody is interested in how `work` ends. */
function unlessEnded(loginEnd: AbortSignal, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    loginEnd.addEventListener('abort', () => reject(new ChatError('login-ended')), { once: true });
    work.then(() => resolve(), reject);
  });
}

/** Answers of turns that are still being sent, as JSON or as a stream. */
const openResponses = new Set<ServerResponse>();

/** Settles when every answer of a turn is sent, at the latest after `timeoutMs`: whoever reads so slowly can come back. */
export async function answersSent(timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  await Promise.all(
    [...openResponses].map((response) => once(response, 'close', { signal }).catch(() => undefined)),
  );
}

/**
 * Fires when the response is closed, by whichever side, or with `loginEnd`. (The request's 'close' does not fire once its
 * body is read.)
 */
export function closeSignal(ctx: Context, loginEnd?: AbortSignal): AbortSignal {
  const closed = new AbortController();
  // With a reason of its own: without one it would be an error with the stack of each reply, made for nobody.
  const abort = () => closed.abort('closed');
  if (ctx.res.closed || loginEnd?.aborted === true) abort();
  else {
    ctx.res.once('close', abort);
    loginEnd?.addEventListener('abort', abort);
  }
  return closed.signal;
}

function isEventSource(body: unknown): body is EventSource {
  return typeof (body as EventSource | null | undefined)?.follow === 'function';
}
