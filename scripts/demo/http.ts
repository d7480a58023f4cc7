/** An HTTP error, with the message of the server. */
export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface JsonRequest {
  readonly token?: string;
  /** With a body, the request is a POST. */
  readonly body?: unknown;
}

export type Api = ReturnType<typeof createApi>;

/** Sends JSON requests to one server. `signal` aborts every request. */
export function createApi(url: string, signal: AbortSignal) {
  return {
    url,
    async request<T>(path: string, { token, body }: JsonRequest = {}): Promise<T> {
      const response = await fetch(url + path, toRequest({ token, body }, signal));
      if (!response.ok) throw await toHttpError(response);
      return (await response.json()) as T;
    },
    /** Requests an event stream, and returns the response without reading it. */
    async stream(path: string, request: JsonRequest): Promise<Response> {
      const response = await fetch(url + path, toRequest(request, signal, 'text/event-stream'));
      if (!response.ok) throw await toHttpError(response);
      return response;
    },
  };
}

function toRequest(
  { token, body }: { readonly token?: string | undefined; readonly body?: unknown },
  signal: AbortSignal,
  accept = 'application/json',
): RequestInit {
  return {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      Accept: accept,
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal,
  };
}

async function toHttpError(response: Response): Promise<HttpError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: { message: string } };
    return new HttpError(response.status, error.message);
  } catch {
    return new HttpError(response.status, text.slice(0, 200) || response.statusText);
  }
}
