import { ApiError } from '../http/errors.ts';
import type { Authorization } from '../http/http.ts';
import type { Retries } from '../http/retry.ts';
import { createKey } from '../turn/key.ts';
import type { Outcome } from '../types.ts';
import type { Connection, WebSocketConstructor } from './connection.ts';
import { createUnfinishedTurns, isReply, type Frame, type ReplyFrame, type SocketEvent } from './events.ts';
import { keepConnected } from './keep-connected.ts';
import { createQueue } from './queue.ts';

export interface SocketQuestion {
  readonly query: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** Default: the character of the session. */
  readonly character_id?: string | number;
  readonly idempotencyKey?: string;
}

/**
 * The events of one session, for one reader: `for await`. A connection that is lost is opened again until `close`, with
 * the turns continued. A turn can start over: apply its events by `textAfter`, with one text for each `turn_id`.
 */
export interface SessionSocket extends AsyncIterable<SocketEvent> {
  /** Asks in this session. The answer comes as events. @throws ApiError */
  ask(question: SocketQuestion): Promise<{ readonly turnId: string; readonly isReplay: boolean }>;
  /** Ends an answer. @throws ApiError */
  stop(turnId: string): Promise<{ readonly outcome: Outcome }>;
  close(): void;
}

export interface SessionSocketOptions {
  /** Needed where no global WebSocket exists: in Node 20, the one of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  readonly signal?: AbortSignal;
}

/** What a socket needs from its client. */
export interface SessionSocketParts extends SessionSocketOptions {
  readonly url: string;
  readonly authorization: Authorization;
  readonly retries: Retries;
  readonly silenceMs: number;
}

interface Pending {
  readonly frame: object;
  readonly resolve: (reply: ReplyFrame) => void;
  readonly reject: (error: Error) => void;
}

/** @throws TypeError if there is no WebSocket to use. */
export function createSessionSocket(parts: SessionSocketParts): SessionSocket {
  const WebSocket = parts.WebSocket ?? (globalThis.WebSocket as WebSocketConstructor | undefined);
  if (WebSocket === undefined) throw new TypeError('No WebSocket exists here. Pass that of the package ws.');
  const events = createQueue<SocketEvent>();
  const turns = createUnfinishedTurns();
  const pending = new Map<number, Pending>();
  const closing = new AbortController();
  let current: { readonly connection: Connection; isReady: boolean } | null = null;
  let requests = 0;

  parts.signal?.addEventListener('abort', close, { once: true });
  if (parts.signal?.aborted) close();
  void keepConnected({
    ...parts,
    WebSocket,
    signal: closing.signal,
    onFrame,
    onOpen: (connection) => (current = { connection, isReady: false }),
  }).then((error) => end(error));

  return {
    [Symbol.asyncIterator]: () => events[Symbol.asyncIterator](),
    async ask({ idempotencyKey = createKey(), ...question }) {
      const { turn_id = '', is_replay = false } = await request({
        type: 'ask',
        ...question,
        idempotency_key: idempotencyKey,
      });
      turns.add(turn_id);
      return { turnId: turn_id, isReplay: is_replay };
    },
    async stop(turnId) {
      const { outcome } = await request({ type: 'stop', turn_id: turnId });
      return { outcome: outcome as Outcome };
    },
    close,
  };

  function close(): void {
    closing.abort();
    current?.connection.close();
    end();
  }

  function end(error?: Error): void {
    events.end(error);
    for (const { reject } of pending.values()) reject(error ?? new Error('The socket is closed.'));
    pending.clear();
  }

  function onFrame(frame: Frame): void {
    if (isReply(frame)) return onReply(frame);
    turns.see(frame);
    events.push(frame);
    if (frame.event === 'connected') onConnected(frame.live_turn_id);
  }

  function onConnected(liveTurnId: string | null): void {
    if (current) current.isReady = true;
    if (liveTurnId !== null) turns.add(liveTurnId);
    for (const turnId of turns.ids()) resume(turnId);
    // Requests that got no reply go again: their keys make this safe.
    for (const { frame } of pending.values()) current?.connection.send(frame);
  }

  function resume(turnId: string): void {
    current?.connection.send({ type: 'resume', turn_id: turnId, after: turns.lastSeq(turnId) });
  }

  function onReply(reply: ReplyFrame): void {
    const waiting = pending.get(reply.request_id ?? 0);
    if (waiting !== undefined) {
      pending.delete(reply.request_id ?? 0);
      if (reply.event === 'request_failed') waiting.reject(toApiError(reply));
      else waiting.resolve(reply);
    } else if (reply.event === 'request_failed' && reply.turn_id !== undefined) resume(reply.turn_id);
  }

  function request(fields: object): Promise<ReplyFrame> {
    requests += 1;
    const frame = { ...fields, request_id: requests };
    return new Promise((resolve, reject) => {
      if (closing.signal.aborted) return reject(new Error('The socket is closed.'));
      pending.set(frame.request_id, { frame, resolve, reject });
      if (current?.isReady) current.connection.send(frame);
    });
  }
}

function toApiError({ status = 500, code, message = '', details = {}, retry_after }: ReplyFrame): ApiError {
  return new ApiError({
    status,
    code: code ?? null,
    message,
    details,
    retryAfterSeconds: retry_after ?? null,
  });
}
