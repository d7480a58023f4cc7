import type { Http } from '../http/http.ts';
import type { Request } from '../http/open.ts';
import type { Retries } from '../http/retry.ts';
import type { Body, Turn } from '../types.ts';
import { createAnswer, type Answer } from './answer.ts';
import { createKey } from './key.ts';

export interface AskOptions {
  /** The same key asks once, however often it is sent. Default: a new key. */
  readonly idempotencyKey?: string;
  /** Ends the reading. The answer continues on the server: to end it, call `stop`. */
  readonly signal?: AbortSignal;
}

export type Question = Body<'createMessage'>['data'] & AskOptions;

/** The calls for questions and their answers. */
export interface TurnCalls {
  /** Asks a character. The request is sent when the answer is read. */
  ask(question: Question): Answer;
  /** Asks the question of a turn again. */
  regenerate(turnId: string, options?: AskOptions & NonNullable<Body<'regenerateTurn'>>['data']): Answer;
  /** Asks a question in other words. Its old words and what came after them become `is_superseded`. */
  editQuestion(messageId: string | number, query: string, options?: AskOptions): Answer;
  /** Reads a turn after an event, or from its start. It ends without events if the client has the last one. */
  follow(turnId: string, options?: { readonly lastEventId?: number; readonly signal?: AbortSignal }): Answer;
  /** Returns the state of a turn with its two messages. */
  findTurn(turnId: string): Promise<Turn>;
  /** Ends an answer before it is complete. */
  stop(turnId: string): Promise<Turn>;
}

export function createTurnCalls({
  http,
  retries,
}: {
  readonly http: Http;
  readonly retries: Retries;
}): TurnCalls {
  /** Sends a question as often as needed with one key. */
  function send(request: Request, { idempotencyKey = createKey(), signal }: AskOptions): Answer {
    const headers = { Accept: 'text/event-stream', 'Idempotency-Key': idempotencyKey };
    return createAnswer({ ...{ http, retries, idempotencyKey, signal }, request: { ...request, headers } });
  }
  const pathOf = (turnId: string) => `/api/chat-conversations/turns/${encodeURIComponent(turnId)}`;
  const stateOf = async (request: Request) => (await http.json<{ readonly data: Turn }>(request)).data;

  return {
    ask({ idempotencyKey, signal, ...data }) {
      const request = {
        method: 'POST',
        path: '/api/chat-conversations/create-message',
        body: { data },
      } as const;
      return send(request, optional({ idempotencyKey, signal }));
    },
    regenerate(turnId, { idempotencyKey, signal, ...data } = {}) {
      const request = { method: 'POST', path: `${pathOf(turnId)}/regenerate`, body: { data } } as const;
      return send(request, optional({ idempotencyKey, signal }));
    },
    editQuestion(messageId, query, options = {}) {
      const path = `/api/chat/messages/${encodeURIComponent(messageId)}`;
      return send({ method: 'PATCH', path, body: { new_content: query, regenerate: true } }, options);
    },
    follow: (turnId, options = {}) => createAnswer({ http, retries, turnId, ...options }),
    findTurn: (turnId) => stateOf({ method: 'GET', path: pathOf(turnId) }),
    stop: (turnId) => stateOf({ method: 'POST', path: `${pathOf(turnId)}/stop`, isRepeatable: true }),
  };
}

/** Leaves out what is undefined. */
function optional({ idempotencyKey, signal }: Partial<Record<keyof AskOptions, unknown>>): AskOptions {
  return {
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(signal !== undefined && { signal }),
  } as AskOptions;
}
