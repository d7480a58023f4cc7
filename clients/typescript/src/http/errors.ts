import type { ErrorCode } from '../types.ts';

/** The server refused a request, or an answer failed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status. */
  readonly status: number;
  /** What programs decide by. Null if the reply has no code: one of Strapi's own errors, or one of a proxy. */
  readonly code: ErrorCode | (string & {}) | null;
  /** Further facts, such as the `turn_id` of a failed answer. */
  readonly details: Readonly<Record<string, unknown>>;
  /** How long to wait before a new try, if the server says so. */
  readonly retryAfterSeconds: number | null;

  constructor({ status, code, message, details = {}, retryAfterSeconds = null }: ApiErrorFields) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface ApiErrorFields {
  readonly status: number;
  readonly code: string | null;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number | null;
}

/** No complete reply came: the connection failed or was cut, or the server was silent for too long. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
}

/** Reads the error of a reply. Strapi's errors have `error.details.code`, those of the session API `error.code`. */
export async function toApiError(response: Response): Promise<ApiError> {
  const { status, statusText, headers } = response;
  const body = asObject(parseJson(await response.text()));
  const error = asObject(body['error']);
  const details = 'details' in error ? asObject(error['details']) : error;
  const message = [error['message'], body['message']].find((text) => typeof text === 'string');
  const retryAfter = Number(headers.get('Retry-After') ?? Number.NaN);
  return new ApiError({
    status,
    code: typeof details['code'] === 'string' ? details['code'] : null,
    message: message ?? `The server replied ${status} ${statusText}`.trimEnd(),
    details,
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : null,
  });
}

const asObject = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
