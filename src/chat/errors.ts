/** Everything that can go wrong in a chat, as a client is told it. `docs/http-api.md` lists exactly these. */
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
  'upgrade-required': {
    status: 426,
    sentence: 'This address speaks WebSocket only.',
  },
  'too-many-connections': {
    status: 429,
    retryAfterSeconds: 5,
    sentence: 'You have too many open connections. Close one.',
  },
  'idempotency-key-reused': {
    status: 422,
    sentence: 'This Idempotency-Key was used for another question. Take a new key for each question.',
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
    sentence: 'The answers of today have used up what you may use in a day.',
  },
  'too-many-reads': {
    status: 429,
    retryAfterSeconds: 5,
    sentence: 'Too many of your lists, searches and exports are being read. Wait until one has ended.',
  },
  'text-limit-reached': {
    status: 429,
    sentence: 'You have written as much today as you may in a day.',
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
    sentence: 'The answering service is not set up correctly. The operator has to mend it.',
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
    sentence: 'The answer broke off before its end. What had arrived is saved.',
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
    sentence: 'Reading this took too long. Look for less at once, or try again later.',
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
    sentence: 'The server stopped while answering. What had arrived is saved.',
  },
  internal: {
    status: 500,
    sentence: 'Something went wrong on our side.',
  },
} as const satisfies Record<string, { status: number; sentence: string; retryAfterSeconds?: number }>;

export type ChatErrorCode = keyof typeof chatErrors;

export function isChatErrorCode(value: unknown): value is ChatErrorCode {
  return typeof value === 'string' && Object.hasOwn(chatErrors, value);
}

/** One limit of a user as it stands. */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  /** When the limit is whole again, in milliseconds since 1970. */
  readonly resetAtMs: number;
}

/** What a refusal says of the limit that was reached. */
export function refusal(
  rateLimit: RateLimit,
): Required<Pick<ChatErrorOptions, 'rateLimit' | 'retryAfterSeconds'>> {
  const seconds = Math.ceil((rateLimit.resetAtMs - Date.now()) / 1000);
  return { rateLimit, retryAfterSeconds: Math.max(1, seconds) };
}

export interface ChatErrorOptions {
  /** What the client may be told beyond the sentence of the code, e.g. which field to change. Shown as it is. */
  readonly sentence?: string;
  /** Ids a client can act on, e.g. the live `turn_id`. Shown as they are: never upstream text, never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** When to try again, where it is known better than by the code. */
  readonly retryAfterSeconds?: number;
  /** The limit that was reached. */
  readonly rateLimit?: RateLimit;
  /** Kept for the log only. */
  readonly cause?: unknown;
}

/**
 * The one error of this application. `message` is the public sentence; whatever must not leave the server
 * stands in `cause`.
 */
export class ChatError extends Error {
  readonly code: ChatErrorCode;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;
  /** When to try again, where trying again can help. */
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

/** The error itself if it is ours, else `internal` with the original as its cause. */
export function toChatError(error: unknown): ChatError {
  return error instanceof ChatError ? error : new ChatError('internal', { cause: error });
}
