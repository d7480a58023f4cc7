import { createDeadline } from './deadline.ts';
import { ApiError, NetworkError, toApiError } from './errors.ts';
import { toQueryString, type Query } from './query.ts';

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Begins with `/api`. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON, unless it is a form with files. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly credentials?: RequestCredentials;
  readonly signal?: AbortSignal | undefined;
  /** Whether the request can be sent again if its reply is lost. Default: false for a POST, otherwise true. */
  readonly isRepeatable?: boolean;
}

/** A reply that has begun. Its reader must read `chunks` to the end, or leave them by `return()`. */
export interface OpenReply {
  readonly status: number;
  /** The text as it arrives. Rejects with a `NetworkError` if the connection breaks. */
  readonly chunks: AsyncGenerator<string, void>;
}

/** Sends a request once. @throws ApiError, NetworkError, or the reason of the caller's signal. */
export type Open = (request: Request) => Promise<OpenReply>;

export interface OpenOptions {
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  /** How long the server may be silent. It sends something every 15 seconds while a stream waits. */
  readonly silenceMs: number;
}

export function createOpen({ baseUrl, fetch, silenceMs }: OpenOptions): Open {
  return async function open(request) {
    const { method, path, query, body, headers, credentials, signal } = request;
    const deadline = createDeadline(silenceMs, signal);
    deadline.start();
    const isForm = body instanceof FormData;
    try {
      const response = await fetch(`${baseUrl}${path}${toQueryString(query)}`, {
        method,
        headers: { ...(body !== undefined && !isForm && { 'Content-Type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
        ...(credentials && { credentials }),
        signal: deadline.signal,
      });
      if (!response.ok) throw await toApiError(response);
      deadline.pause();
      return { status: response.status, chunks: readChunks(response) };
    } catch (error) {
      deadline.end();
      throw toKnownError(error, signal);
    }

    async function* readChunks(response: Response): AsyncGenerator<string, void> {
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      try {
        while (reader) {
          deadline.start();
          const { done, value } = await reader.read();
          deadline.pause();
          if (done) break;
          yield decoder.decode(value, { stream: true });
        }
        yield decoder.decode();
      } catch (error) {
        throw toKnownError(error, signal);
      } finally {
        // Closes the connection if the reader leaves early.
        deadline.end();
      }
    }
  };
}

function toKnownError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof ApiError || error instanceof NetworkError) return error;
  return new NetworkError('The connection failed or was cut.', { cause: error });
}
