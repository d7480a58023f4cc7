/**
 * Every error that a client can get. `sentence` is sent. `advice` says in the OpenAPI document what a client does then;
 * docs/build-your-app.md names each code.
 */
export const chatErrors = {
  'invalid-request': {
    status: 400,
    sentence: 'The request is not valid.',
    advice: 'Correct what the message names.',
  },
  'character-not-found': {
    status: 400,
    sentence: 'There is no published AI character with this character_id.',
    advice: 'Choose another character.',
  },
  'character-without-prompt': {
    status: 400,
    sentence: 'This AI character has no prompt yet, so it cannot answer.',
    advice: 'Contact its editor.',
  },
  unauthorized: {
    status: 401,
    sentence: 'Log in first: send "Authorization: Bearer <jwt>".',
    advice: 'Renew the token, or log in.',
  },
  'login-ended': {
    status: 401,
    sentence: 'This login has ended. Log in again.',
    advice: 'Log in again, and follow the turn: the answer is saved.',
  },
  'not-yourself': {
    status: 403,
    sentence: 'The user_id must be your own.',
    advice: 'Send your own id, or none.',
  },
  forbidden: {
    status: 403,
    sentence: 'You may not do this.',
    advice: 'Contact the operator.',
  },
  'token-scope': {
    status: 403,
    sentence: 'This personal token lacks the scope for this. Use a token that has it.',
    advice: 'Use a token with the scope that `scope` names.',
  },
  'token-not-allowed': {
    status: 403,
    sentence: 'A personal token may not do this. Log in, and send the jwt instead.',
    advice: 'Log in, and send the `jwt`.',
  },
  'token-not-found': {
    status: 404,
    sentence: 'There is no such personal token.',
    advice: 'Read the list of tokens again.',
  },
  'too-many-tokens': {
    status: 409,
    sentence: 'You have as many personal tokens as a user may have. Revoke one first.',
    advice: 'Revoke one.',
  },
  'session-not-found': {
    status: 404,
    sentence: 'There is no such session.',
    advice: 'Leave the id out: a new session begins.',
  },
  'turn-not-found': {
    status: 404,
    sentence: 'There is no such turn.',
    advice: 'Look in the list of messages.',
  },
  'conversation-not-found': {
    status: 404,
    sentence: 'There is no such conversation in the history.',
    advice: 'List the conversations again.',
  },
  'message-not-found': {
    status: 404,
    sentence: 'There is no such message.',
    advice: 'Read the messages of the session again.',
  },
  'file-not-found': {
    status: 404,
    sentence: 'There is no such file, or its link has expired.',
    advice: 'Read the message again: it has new links.',
  },
  'upgrade-required': {
    status: 426,
    sentence: 'This address accepts only WebSocket connections.',
    advice: 'Send an upgrade to WebSocket.',
  },
  'too-many-connections': {
    status: 429,
    retryAfterSeconds: 5,
    sentence: 'You have too many open connections. Close one.',
    advice: 'Close a connection.',
  },
  'idempotency-key-reused': {
    status: 422,
    sentence: 'This Idempotency-Key was used for another question. Use a new key for each question.',
    advice: 'Use a new key for each question.',
  },
  'payload-too-large': {
    status: 413,
    sentence: 'The body is too large.',
    advice: 'Send less.',
  },
  'unsupported-media-type': {
    status: 415,
    sentence: 'This address takes no files. Send JSON.',
    advice: 'Send JSON, with its `Content-Type`.',
  },
  'turn-in-progress': {
    status: 409,
    sentence: 'The previous question of this session is still being answered.',
    advice: 'Follow or stop the turn that `turn_id` names, then ask again.',
  },
  'too-many-turns': {
    status: 429,
    sentence: 'Too many of your questions are being answered already. Wait for an answer, or stop one.',
    advice: 'Wait for an answer, or stop one.',
  },
  'rate-limited': {
    status: 429,
    sentence: 'You have asked too many questions in a short time. Wait a moment.',
    advice: 'Try again after `Retry-After`.',
  },
  'token-limit-reached': {
    status: 429,
    sentence: 'You have used all the tokens of your daily limit. Try again tomorrow.',
    advice: 'Ask again after `Retry-After`.',
  },
  'too-many-reads': {
    status: 429,
    retryAfterSeconds: 5,
    sentence: 'Too many of your lists, searches and exports are running. Wait until one has ended.',
    advice: 'Try again after `Retry-After`.',
  },
  'text-limit-reached': {
    status: 429,
    sentence: 'You have used all the characters of your daily limit. Try again tomorrow.',
    advice: 'Try again after `Retry-After`.',
  },
  'answer-too-long': {
    status: 502,
    sentence: 'The answer grew too long and was cut off.',
    advice: 'Show what is saved. Ask for less.',
  },
  'upstream-rejected': {
    status: 502,
    sentence: 'The answering service did not accept this question.',
    advice: 'Change the question or its inputs.',
  },
  'upstream-conversation-gone': {
    status: 502,
    sentence: 'The answering service no longer has this conversation. Start a new session.',
    advice: 'Begin a new session.',
  },
  'upstream-misconfigured': {
    status: 502,
    sentence: 'The answering service is not set up correctly. Contact the operator.',
    advice: 'Contact the operator.',
  },
  'upstream-model-unavailable': {
    status: 502,
    sentence: 'The answering service may not use its model. Contact the operator.',
    advice: 'Contact the operator.',
  },
  'upstream-failed': {
    status: 502,
    sentence: 'The answering service failed while answering.',
    advice: 'Ask again.',
  },
  'upstream-unreachable': {
    status: 502,
    sentence: 'The answering service cannot be reached.',
    advice: 'Ask again later.',
  },
  'upstream-malformed': {
    status: 502,
    sentence: 'The answering service sent something that is not an answer.',
    advice: 'Contact the operator.',
  },
  'upstream-interrupted': {
    status: 502,
    sentence: 'The answer broke off before its end. The text so far is saved.',
    advice: 'Show what is saved. Ask again.',
  },
  'upstream-busy': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The answering service is busy. Try again in a moment.',
    advice: 'Ask again after `Retry-After`.',
  },
  'upstream-quota-exceeded': {
    status: 503,
    sentence: 'The answering service has used up its quota.',
    advice: 'Contact the operator.',
  },
  'upstream-timeout': {
    status: 504,
    sentence: 'The answering service took too long.',
    advice: 'Ask again later.',
  },
  'database-unavailable': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The database cannot be reached. Try again in a moment.',
    advice: 'Try again after `Retry-After`. Logins stay valid.',
  },
  'read-timeout': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'Reading this took too long. Ask for less, or try again later.',
    advice: 'Filter by less text, or by a session.',
  },
  'history-unavailable': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The history cannot be reached. Try again in a moment.',
    advice: 'Try again after `Retry-After`. The chat works.',
  },
  'server-busy': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The server answers as many questions as it can. Try again in a moment.',
    advice: 'Ask again after `Retry-After`.',
  },
  'server-stopping': {
    status: 503,
    retryAfterSeconds: 5,
    sentence: 'The server is shutting down. Try again in a moment.',
    advice: 'Ask again after `Retry-After`.',
  },
  'process-died': {
    status: 500,
    sentence: 'The server stopped while answering. The text so far is saved.',
    advice: 'Show what is saved. Ask again.',
  },
  internal: {
    status: 500,
    sentence: 'Something went wrong on our side.',
    advice: 'Try again later. The log of the server has more.',
  },
} as const satisfies Record<
  string,
  { status: number; sentence: string; advice: string; retryAfterSeconds?: number }
>;

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
