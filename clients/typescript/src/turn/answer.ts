import { ApiError, NetworkError } from '../http/errors.ts';
import type { Http } from '../http/http.ts';
import type { Request } from '../http/open.ts';
import type { Retries } from '../http/retry.ts';
import type { Message } from '../types.ts';
import { isTerminal, readEvents, textAfter, type TurnEvent, type TurnEventOf } from './events.ts';

/**
 * The events of one answer, as they come. A connection that breaks is opened again after the last event, so the text is
 * complete. Read it once, by `for await` or by `complete`. To leave the loop closes the connection, and the answer
 * continues on the server.
 */
export interface Answer extends AsyncIterable<TurnEvent> {
  /** Asks the same question again without asking it twice. Null for a turn that is only followed. */
  readonly idempotencyKey: string | null;
  /** Null until the first event. */
  readonly turnId: string | null;
  /** The `seq` of the last event, or 0. */
  readonly lastEventId: number;
  /** Reads to the end. @throws ApiError if the answer fails; its `details` name the turn. */
  complete(): Promise<CompletedAnswer>;
}

export interface CompletedAnswer {
  readonly text: string;
  /** `stopped` if its user has stopped it. */
  readonly outcome: 'completed' | 'stopped';
  readonly question: Message;
  readonly answer: Message;
}

export interface AnswerOptions {
  readonly http: Http;
  readonly retries: Retries;
  /** What begins the turn. Left out if `turnId` is to be followed. */
  readonly request?: Request;
  readonly idempotencyKey?: string;
  readonly turnId?: string;
  readonly lastEventId?: number;
  readonly signal?: AbortSignal | undefined;
}

export function createAnswer(options: AnswerOptions): Answer {
  const { http, retries, request, signal } = options;
  let turnId = options.turnId ?? null;
  let lastEventId = options.lastEventId ?? 0;
  const events = resume();

  return {
    idempotencyKey: options.idempotencyKey ?? null,
    get turnId() {
      return turnId;
    },
    get lastEventId() {
      return lastEventId;
    },
    [Symbol.asyncIterator]: () => events,
    complete: () => complete(events),
  };

  /** Yields the events over as many connections as it takes. */
  async function* resume(): AsyncGenerator<TurnEvent, void> {
    for (let failures = 1; ; failures += 1) {
      const before = lastEventId;
      let error: unknown = new NetworkError('The answer was cut off.');
      try {
        const { status, chunks } = await http.openOnce(nextRequest());
        if (status === 204) return;
        for await (const event of readEvents(chunks)) {
          if (event.event === 'error' && event.code === 'login-ended') throw toError(event);
          [turnId, lastEventId] = [event.turn_id ?? turnId, event.seq];
          yield event;
          if (isTerminal(event)) return;
        }
      } catch (thrown) {
        error = thrown;
      }
      if (lastEventId > before) failures = 1;
      if (isLoginEnded(error) && failures === 1) continue;
      await retries.pauseOrThrow(error, failures, { isRepeatable: true, signal });
    }
  }

  /** Sends the question until its turn is known, then follows the turn. */
  function nextRequest(): Request {
    if (turnId === null && request !== undefined) return { ...request, signal };
    return {
      ...{
        method: 'GET',
        path: `/api/chat-conversations/turns/${encodeURIComponent(turnId ?? '')}/stream`,
        signal,
      },
      headers: lastEventId > 0 ? { 'Last-Event-ID': String(lastEventId) } : {},
    };
  }
}

/** The next request shows whether the client has new tokens, e.g. after a new password. */
const isLoginEnded = (error: unknown) => error instanceof ApiError && error.code === 'login-ended';

async function complete(events: AsyncIterable<TurnEvent>): Promise<CompletedAnswer> {
  let text = '';
  for await (const event of events) {
    text = textAfter(text, event);
    if (event.event === 'error') throw toError(event);
    if (event.event !== 'message_end') continue;
    const [question, answer] = event.data;
    if (question && answer) return { text, outcome: event.outcome, question, answer };
  }
  throw new NetworkError('The turn has no further events. Read its state.');
}

function toError({
  status,
  code,
  message,
  turn_id,
  session_id,
  message_id,
  outcome,
}: TurnEventOf<'error'>): ApiError {
  return new ApiError({ status, code, message, details: { turn_id, session_id, message_id, outcome } });
}
