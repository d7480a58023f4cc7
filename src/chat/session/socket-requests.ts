import { z } from 'zod';

import { ChatError, type RateLimit } from '../errors';
import { parseIdempotencyKey } from '../contract/question';
import { parse } from '../contract/invalid-request';
import { assertScope } from '../limits/token-scope';
import type { Owner, TokenScope } from '../model/owner';
import { parseQuestion } from '../contract/question';
import type { SessionAccess } from './access';
import type { Outlet, SessionFeed } from './feed';
import type { RequestSettings } from '../settings';
import type { Follow } from '../turn/access';
import type { Turns } from '../turn/turns';
import type { WriteLimits } from '../limits/write-limits';

const requestId = z.union([z.string().max(128), z.number()], 'must be text or a number').optional();
const turnId = z
  .string('must be a turn_id')
  .toLowerCase()
  .regex(/^[0-9a-f-]{36}$/u, 'must be a turn_id');

const requestSchema = z.discriminatedUnion(
  'type',
  [
    z.object({
      type: z.literal('ask'),
      request_id: requestId,
      // `parseQuestion` checks these three together, as for create-message.
      query: z.unknown().optional(),
      inputs: z.unknown().optional(),
      character_id: z.unknown().optional(),
      idempotency_key: z.string('must be text').nullish(),
    }),
    z.object({ type: z.literal('stop'), request_id: requestId, turn_id: turnId }),
    z.object({
      type: z.literal('resume'),
      request_id: requestId,
      turn_id: turnId,
      after: z.number('must be the seq of an event').int().min(0).max(999_999_999).default(0),
    }),
    z.object({ type: z.literal('ping'), request_id: requestId }),
  ],
  'must be ask, stop, resume or ping',
);

/** A request of a connected client. */
type Request = z.infer<typeof requestSchema>;
type RequestOf<Type extends Request['type']> = Extract<Request, { type: Type }>;

export interface SessionRequestsOptions {
  readonly turns: Pick<Turns, 'send' | 'stop' | 'follow'>;
  readonly sessions: Pick<SessionAccess, 'find'>;
  readonly writes: WriteLimits;
  readonly settings: RequestSettings;
  readonly owner: Owner;
  /** The rights of the client's token. */
  readonly scopes: readonly TokenScope[];
  readonly sessionId: string;
  readonly feed: SessionFeed;
  readonly outlet: Outlet;
  /** Converts any error to the one that the client gets. */
  readonly toClientError: (error: unknown) => ChatError;
}

/** The maximum of requests that one client can have open. No person needs so many at the same time. */
const maxOpenRequests = 32;
/**
 * The maximum of turns that one client can follow. A turn of another process costs repeated database queries. A saved
 * turn stays in memory until its client has read it.
 */
const maxFollowedTurns = 32;

/**
 * Answers the frames of one connected client independently: a slow one does not delay others.
 * @returns a function that handles a frame. It never rejects: it sends every error to the client.
 */
export function createSessionRequests(options: SessionRequestsOptions): (frame: string) => Promise<void> {
  const { turns, owner, scopes, feed, outlet, toClientError } = options;
  let open = 0;

  return async function handle(frame) {
    let label: Readonly<Record<string, unknown>> = {};
    open += 1;
    try {
      const json = parseJson(frame);
      label = toLabel(json);
      if (open > maxOpenRequests) throw tooMuch();
      outlet.send(JSON.stringify({ ...(await answer(parseRequest(json))), ...label }));
    } catch (error) {
      outlet.send(JSON.stringify({ ...toFailure(toClientError(error)), ...label }));
    } finally {
      open -= 1;
    }
  };

  async function answer(request: Request): Promise<object> {
    switch (request.type) {
      case 'ask':
        assertScope(scopes, 'ask');
        return ask(request);
      case 'stop': {
        assertScope(scopes, 'ask');
        await options.writes.count(owner);
        const { saved } = await turns.stop(owner, request.turn_id);
        return { event: 'request_done', turn_id: request.turn_id, outcome: saved[1].outcome };
      }
      case 'resume': {
        const { turn_id, after } = request;
        assertRoomFor(turn_id);
        const follow = feed.isFollowing(turn_id) ? null : await turns.follow(owner, turn_id, after);
        if (follow !== null) tell(turn_id, follow);
        return { event: 'request_done', turn_id };
      }
      case 'ping':
        return { event: 'pong' };
    }
  }

  async function ask(request: RequestOf<'ask'>): Promise<object> {
    const key = parseIdempotencyKey(request.idempotency_key ?? '');
    const question = { ...parseQuestion({ data: await toData(request) }, options.settings), owner };
    const { turnId, isReplay, rateLimit, follow } = await turns.send(question, key);
    // The feed already follows a new turn. The turn of a replay may have ended long ago, so follow it here.
    if (isReplay) tell(turnId, follow);
    return { event: 'request_done', turn_id: turnId, is_replay: isReplay, ...toRateLimit(rateLimit) };
  }

  /** @throws ChatError `rate-limited` */
  function tell(turnId: string, follow: Follow): void {
    assertRoomFor(turnId);
    feed.follow(turnId, follow);
  }

  /** @throws ChatError `rate-limited` if the client already follows the maximum of turns. */
  function assertRoomFor(turnId: string): void {
    if (!feed.isFollowing(turnId) && feed.count() >= maxFollowedTurns) throw tooMuch();
  }

  /** Returns the data of a create-message request that asks the same. */
  async function toData({ query, inputs, character_id }: RequestOf<'ask'>) {
    const { sessionId } = options;
    const character = character_id ?? (await options.sessions.find(owner, sessionId)).characterId;
    if (character === null) {
      throw new ChatError('invalid-request', {
        sentence: 'This session has no character yet. Send a character_id.',
      });
    }
    return { character_id: character, query, inputs, session_id: sessionId };
  }
}

function tooMuch(): ChatError {
  return new ChatError('rate-limited', { sentence: 'This connection has too many open requests or turns.' });
}

/** @throws ChatError `invalid-request` */
function parseJson(frame: string): unknown {
  try {
    return JSON.parse(frame);
  } catch {
    throw new ChatError('invalid-request', { sentence: 'A frame must be valid JSON.' });
  }
}

function parseRequest(json: unknown): Request {
  return parse(requestSchema, json);
}

const label = z.object({
  type: z.string().max(64).optional().catch(undefined),
  request_id: requestId.catch(undefined),
});

/** Returns the type and id of a request, if they are readable. Every answer repeats them for the client. */
function toLabel(json: unknown): Readonly<Record<string, unknown>> {
  return label.safeParse(json).data ?? {};
}

/** Returns an error as a frame for the client. */
export function toFailure({
  code,
  status,
  message,
  details,
  retryAfterSeconds,
  rateLimit,
}: ChatError): object {
  return {
    event: 'request_failed',
    code,
    status,
    message,
    details,
    ...(retryAfterSeconds !== undefined && { retry_after: retryAfterSeconds }),
    ...toRateLimit(rateLimit ?? null),
  };
}

/** Returns the values of the `X-RateLimit-…` headers. `reset` is in seconds since 1970. */
function toRateLimit(rateLimit: RateLimit | null): object {
  if (rateLimit === null) return {};
  const { limit, remaining, resetAtMs } = rateLimit;
  return { rate_limit: { limit, remaining, reset: Math.ceil(resetAtMs / 1000) } };
}
