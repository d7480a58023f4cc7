/** Every error that a client can get. `docs/http-api.md` lists exactly these. */
export const chatErrors = {
  'invalid-request': {
    status: 400,
    sentence: 'The request is not valid.',
  },
  'character-not-found': {
    status: 400,
    sentence: 'There is no published AI character with this character_id.',
  },
  'character-without-prompt': {
    status: 400,
    sentence: 'This AI character has no prompt yet, so it cannot answer.',
  },
  unauthorized: {
    status: 401,
    sentence: 'Log in first: send "Authorization: Bearer <jwt>".',
  },
  'login-ended': {
    status: 401,
    sentence: 'This login has ended. Log in again.',
  },
  'not-yourself': {
    status: 403,
    sentence: 'The user_id must be your own.',
  },
  forbidden: {
    status: 403,
    sentence: 'You may not do this.',
  },
  'token-scope': {
    status: 403,
    sentence: 'This personal token lacks the scope for this. Use a token that has it.',
  },
  'token-not-allowed': {
    status: 403,
    sentence: 'A personal token may not do this. Log in, and send the jwt instead.',
  },
  'token-not-found': {
    status: 404,
    sentence: 'There is no such personal token.',
  },
  'too-many-tokens': {
    status: 409,
    sentence: 'You have as many personal tokens as a user may have. Revoke one first.',
  },
  'session-not-found': {
    status: 404,
    sentence: 'There is no such session.',
  },
  'turn-not-found': {
    status: 404,
    sentence: 'There is no such turn.',
  },
  'conversation-not-found': {
    status: 404,
    sentence: 'There is no such conversation in the history.',
  },
  'message-not-found': {
    status: 404,
    sentence: 'There is no such message.',
  },
  'file-not-found': {
    status: 404,
    sentence: 'There is no such file, or its link has expired.',
  },
  'upgrade-required': {
    status: 426,
    sentence: 'This address accepts only WebSocket connections.',
  },
  'too-many-connections': {
    status: 429,
    retryAfterSeconds: 5,
    sentence: 'You have too many open connections. Close one.',
  },
  'idempotency-key-reused': {
    status: 422,
    sentence: 'This Idempotency-Key was used for another question. Use a new key for each question.',
  },
  'payload-too-large': {
    status: 413,
    sentence: 'The body is too large.',
  },
  'unsupported-media-type': {
    status: 415,
    sentence: 'This address takes no files. Send JSON.',
  },
  'turn-in-progress': {
    status: 409,
    sentence: 'The previous question of this session is still being answered.',
  },
  'too-many-turns': {
    status: 429,
    sentence: 'Too many of your questions are being answered already. Wait for an answer, or stop one.',
  },
  'rate-limited': {
    status: 429,
    sentence: 'You have asked too many questions in a short time. Wait a moment.',
  },
  'token-limit-reached': {
    status: 429,
    sentence: 'You have used all the tokens of your daily limit. Try again tomorrow.',
  },
  'too-many-reads': {
    status: 429,
    retryAfterSeconds: 5,
    sentence: 'Too many of your lists, searches and exports are running. Wait until one has ended.',
  },
  'text-limit-reached': {
    status: 429,
    sentence: 'You have used all the characters of your daily limit. Try again tomorrow.',
  },
  'answer-too-long': {
    status: 502,
    sentence: 'The answer grew too long and was cut off.',
  },
  'upstream-rejected': {
    status: 502,
    sentence: 'The answering service did not accept this question.',
  },
  'upstream-conversation-gone': {
    status: 502,
    sentence: 'The answering service no longer has this conversation. Start a new session.',
  },
  'upstream-misconfigured': {
    status: 502,
    sentence: 'The answering service is not set up correctly. Contact the operator.',
  },
  'upstream-model-unavailable': {
    status: 502,
    sentence: 'The answering service may not use its model. Contact the operator.',
  },
  'upstream-failed': {
    status: 502,
    sentence: 'The answering service failed while answering.',
  },
  'upstream-unreachable': {
    status: 502,
    sentence: 'The answering service cannot be reached.',
  },
  'upstream-malformed': {
    status: 502,
    sentence: 'The answering service sent something that is not an answer.',
  },
  'upstream-interrupted': {
    status: 502,
    sentence: 'The answer broke off before its end. The text so far is saved.',
  },
  'upstream-busy': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The answering service is busy. Try again in a moment.',
  },
  'upstream-quota-exceeded': {
    status: 503,
    sentence: 'The answering service has used up its quota.',
  },
  'upstream-timeout': {
    status: 504,
    sentence: 'The answering service took too long.',
  },
  'database-unavailable': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The database cannot be reached. Try again in a moment.',
  },
  'read-timeout': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'Reading this took too long. Ask for less, or try again later.',
  },
  'history-unavailable': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The history cannot be reached. Try again in a moment.',
  },
  'server-busy': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The server answers as many questions as it can. Try again in a moment.',
  },
  'server-stopping': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The server is shutting down. Try again in a moment.',
  },
  'process-died': {
    status: 500,
    sentence: 'The server stopped while answering. The text so far is saved.',
  },
  internal: {
    status: 500,
    sentence: 'Something went wrong on our side.',
  },
} as const satisfies Record<string, { status: number; sentence: string; retryAfterSeconds?: number }>;

export type ChatErrorCode = keyof typeof chatErrors;

export const chatErrorCodes = Object.keys(chatErrors) as ChatErrorCode[];

export function isChatErrorCode(value: unknown): value is ChatErrorCode {
  return typeof value === 'string' && Object.hasOwn(chatErrors, value);
}

/** The current state of one limit of a user. */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  /** When the whole limit is available again, in milliseconds since 1970. */
  readonly resetAtMs: number;
}

/** Returns the error options for a reached limit: the limit, and the seconds to wait (at least 1). */
export function refusal(
  rateLimit: RateLimit,
): Required<Pick<ChatErrorOptions, 'rateLimit' | 'retryAfterSeconds'>> {
  const seconds = Math.ceil((rateLimit.resetAtMs - Date.now()) / 1000);
  return { rateLimit, retryAfterSeconds: Math.max(1, seconds) };
}

export interface ChatErrorOptions {
  /** Replaces the sentence of the code, e.g. to name the field to change. Clients see it unchanged. */
  readonly sentence?: string | undefined;
  /** Ids that a client can use, e.g. the live `turn_id`. Clients see them unchanged: no upstream text, no secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Seconds to wait before a new try, if this is known better than from the code. */
  readonly retryAfterSeconds?: number;
  /** The limit that the user has reached. */
  readonly rateLimit?: RateLimit;
  /** For the log only. */
  readonly cause?: unknown;
}

/**
 * The error class for everything that a client can get as an error. `message` is the public sentence.
 * `cause` holds details that must not leave the server.
 */
export class ChatError extends Error {
  readonly code: ChatErrorCode;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;
  /** Seconds to wait before a new try. Undefined if waiting does not help. */
  readonly retryAfterSeconds: number | undefined;
  readonly rateLimit: RateLimit | undefined;

  constructor(code: ChatErrorCode, options: ChatErrorOptions = {}) {
    const { sentence, details = {}, retryAfterSeconds, rateLimit, cause } = options;
    super(sentence ?? chatErrors[code].sentence, cause === undefined ? undefined : { cause });
    this.name = 'ChatError';
    this.code = code;
    this.status = chatErrors[code].status;
    this.details = details;
    const entry = chatErrors[code];
    this.retryAfterSeconds =
      retryAfterSeconds ?? ('retryAfterSeconds' in entry ? entry.retryAfterSeconds : undefined);
    this.rateLimit = rateLimit;
  }
}

/** Returns the upstream's own sentence about an error, for operators. Keys in it are masked. Null if there is none. */
export function upstreamMessageOf({ cause }: ChatError): string | null {
  const { upstreamMessage } = (cause ?? {}) as { readonly upstreamMessage?: unknown };
  return typeof upstreamMessage === 'string' ? upstreamMessage : null;
}

/** Returns a ChatError unchanged. Returns `internal` for any other error, with that error as its cause. */
export function toChatError(error: unknown): ChatError {
  return error instanceof ChatError ? error : new ChatError('internal', { cause: error });
}
