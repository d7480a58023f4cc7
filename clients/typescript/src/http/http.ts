import { ApiError, NetworkError } from './errors.ts';
import type { Open, OpenReply, Request } from './open.ts';
import type { Retries } from './retry.ts';

/** Says which token to send. */
export interface Authorization {
  /** Returns the token to send, or null to send none. */
  token(): Promise<string | null>;
  /** Returns another token after the server has refused this one, or null if there is no other. */
  renew(refused: string | null): Promise<string | null>;
}

/** Sends requests with the token of the login, and sends them again where that helps. */
export interface Http {
  /** Returns the JSON of the reply. @throws ApiError, NetworkError, or the reason of the signal. */
  json<T>(request: Request): Promise<T>;
  /** Begins a reply that its caller reads. */
  open(request: Request): Promise<OpenReply>;
  /** Begins a reply. It is not tried again, except with a new token. */
  openOnce: Open;
}

export interface HttpOptions {
  readonly open: Open;
  readonly retries: Retries;
  /** Left out: no token is sent. */
  readonly authorization?: Authorization;
}

export function createHttp({ open, retries, authorization }: HttpOptions): Http {
  return {
    json: <T>(request: Request) =>
      retried(request, async () => {
        const { chunks } = await openOnce(request);
        let text = '';
        for await (const chunk of chunks) text += chunk;
        return parse(text) as T;
      }),
    open: (request) => retried(request, () => openOnce(request)),
    openOnce,
  };

  async function openOnce(request: Request): Promise<OpenReply> {
    if (authorization === undefined) return open(request);
    const token = await authorization.token();
    try {
      return await open(withToken(request, token));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      const renewed = await authorization.renew(token);
      if (renewed === null) throw error;
      return open(withToken(request, renewed));
    }
  }

  async function retried<T>(request: Request, send: () => Promise<T>): Promise<T> {
    const { signal, isRepeatable = request.method !== 'POST' } = request;
    for (let failures = 1; ; failures += 1) {
      try {
        return await send();
      } catch (error) {
        if (failures > 1 && isDeleted(request, error)) return undefined as T;
        await retries.pauseOrThrow(error, failures, { isRepeatable, signal });
      }
    }
  }
}

/** After a lost reply, a 404 means that the first request has deleted it. */
const isDeleted = ({ method }: Request, error: unknown) =>
  method === 'DELETE' && error instanceof ApiError && error.status === 404;

function withToken(request: Request, token: string | null): Request {
  if (token === null) return request;
  return { ...request, headers: { Authorization: `Bearer ${token}`, ...request.headers } };
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new NetworkError('The reply is not complete JSON.', { cause: error });
  }
}
