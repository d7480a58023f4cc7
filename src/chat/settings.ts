import { z } from 'zod';

import { count, flag, origins, parseVariables } from '../env/variables';

export interface TurnSettings {
  readonly exposePrompt: boolean;
  readonly maxAnswerChars: number;
  /** Characters of JSON that are kept of a running turn's events, for clients that come back. */
  readonly maxLogChars: number;
  readonly checkpointEveryMs: number;
  /** How long Dify may take to end what it was told to stop; after that we end it on our side. */
  readonly stopGraceMs: number;
  /** For how long the end of a turn is kept and tried again while the database is busy or away. */
  readonly saveRetryMs: number;
  /** How long an answer that broke off is looked for in what Dify has saved. */
  readonly recoveryMs: number;
  /** A pending turn whose process has been silent for this long is taken for dead. */
  readonly leaseMs: number;
}

export interface ChatSettings {
  readonly dify: DifySettings;
  readonly turns: TurnSettings;
  readonly limits: LimitSettings;
  readonly reads: ReadSettings;
  readonly request: RequestSettings;
  readonly sockets: SocketSettings;
  readonly history: HistorySettings;
  readonly heartbeatEveryMs: number;
  /** As the history names the model that answers. */
  readonly modelName: string;
  /** Who sends it may read the metrics; null where nobody may. */
  readonly metricsToken: string | null;
  /** For how long what a user has deleted can be restored. */
  readonly restorableMs: number;
  /** For how long a character that was read is not read again. 0: it always is. */
  readonly cacheCharactersMs: number;
  /** A client of an event stream that takes nothing of it for this long is let go. */
  readonly stalledReaderMs: number;
  /** How long running turns may go on when the process is told to end. */
  readonly drainTimeoutMs: number;
}

/** Bounds of what a client may send. */
export interface RequestSettings {
  readonly maxQueryChars: number;
  readonly maxInputsChars: number;
}

/** How much is answered. Of a user's limits, 0 means: none. */
export interface LimitSettings {
  /** Turns of one user that may run in this process at the same time. */
  readonly turnsAtOnce: number;
  readonly turnsPerMinute: number;
  readonly tokensPerDay: number;
  /** Changes to what is kept, turns apart. */
  readonly writesPerMinute: number;
  /** Characters that are stored, questions included and answers apart. */
  readonly charsPerDay: number;
  /** Turns of all users that may run in this process at the same time. */
  readonly maxLiveTurns: number;
}

/** What is read of what was said: lists, searches, exports. */
export interface ReadSettings {
  /** Of one user, in this process at the same time; more wait. 0: there is no limit. */
  readonly atOnce: number;
  /** Selects through many rows of all users that run in this process at the same time; null for what suits the database. */
  readonly selectsAtOnce: number | null;
  /** How long such a select may take, and how long a read waits until it may begin. */
  readonly timeoutMs: number;
}

/** The WebSocket door. */
export interface SocketSettings {
  /** Web origins whose pages may connect, or `*` for all. */
  readonly origins: readonly string[];
  readonly maxMessageBytes: number;
  readonly messagesPerSecond: number;
  /** Pause after which a client is asked whether it is there; if it has not said so by the next time, it is dropped. */
  readonly heartbeatEveryMs: number;
  readonly maxPerUser: number;
  /** Of all users, in one process. */
  readonly maxConnections: number;
}

export interface HistorySettings {
  /** For how many days finished generations are kept in the history; 0 means for ever. */
  readonly retentionDays: number;
}

const seconds = (fallback: number) =>
  z.coerce
    .number('has to be a number of seconds')
    .positive('has to be more than 0 seconds')
    .max(86_400, 'can be at most 86400 seconds (a day)')
    .default(fallback);

const apiUrl = z
  .string('is missing. Set it to the address of your Dify, e.g. https://api.dify.ai/v1')
  .transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !['http:', 'https:'].includes(url.protocol)) {
      context.addIssue({
        code: 'custom',
        message: 'has to be an http or https address, e.g. https://api.dify.ai/v1',
      });
      return z.NEVER;
    }
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      context.addIssue({
        code: 'custom',
        message: 'has to be an address without credentials, query or fragment',
      });
      return z.NEVER;
    }
    const base = `${url.origin}${url.pathname}`.replace(/\/+$/u, '');
    return base.endsWith('/v1') ? base : `${base}/v1`;
  });

const apiKey = z
  .string('is missing. Set it to the API key of your Dify app (it begins with "app-")')
  .regex(/^[\x21-\x7e]+$/u, 'has to be one word of printable ASCII: it goes into an HTTP header');

const schema = z.object({
  DIFY_API_URL: apiUrl,
  DIFY_API_KEY: apiKey,
  DIFY_PROMPT_INPUT: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/u, 'has to be the name of a variable of your Dify app')
    .default('prompt'),
  DIFY_MODEL_NAME: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/u, 'has to be one word of at most 255 characters, printable ASCII')
    .default('dify'),
  DIFY_CONNECT_TIMEOUT_SECONDS: seconds(10),
  DIFY_FIRST_BYTE_TIMEOUT_SECONDS: seconds(60),
  DIFY_IDLE_TIMEOUT_SECONDS: seconds(45),
  DIFY_TOTAL_TIMEOUT_SECONDS: seconds(1260),
  DIFY_MAX_FRAME_CHARS: count(1_000_000, 64_000_000),
  CHAT_MAX_QUERY_CHARS: count(20_000, 1_000_000),
  CHAT_MAX_INPUTS_CHARS: count(20_000, 1_000_000),
  CHAT_MAX_ANSWER_CHARS: count(400_000, 16_000_000),
  CHAT_EXPOSE_PROMPT: flag(true),
  CHAT_HEARTBEAT_SECONDS: seconds(15),
  CHAT_CHECKPOINT_SECONDS: seconds(1),
  CHAT_TURN_LEASE_SECONDS: seconds(60),
  CHAT_STOP_GRACE_SECONDS: seconds(3),
  CHAT_RECOVERY_SECONDS: seconds(5),
  CHAT_SAVE_RETRY_SECONDS: seconds(120),
  CHAT_DRAIN_TIMEOUT_SECONDS: seconds(30),
  CHAT_RESTORE_DAYS: count(30, 36_500),
  CHAT_REMEMBER_CHARACTERS_SECONDS: count(5, 3_600, 0),
  CHAT_MAX_LIVE_LOG_CHARS: count(1_000_000, 64_000_000, 10_000),
  CHAT_STALLED_READER_SECONDS: seconds(30),
  CHAT_MAX_TURNS_AT_ONCE: count(3, 1_000, 0),
  CHAT_TURNS_PER_MINUTE: count(20, 100_000, 0),
  CHAT_TOKENS_PER_DAY: count(0, 1_000_000_000, 0),
  CHAT_WRITES_PER_MINUTE: count(300, 100_000, 0),
  CHAT_STORED_CHARS_PER_DAY: count(20_000_000, 2_000_000_000, 0),
  CHAT_MAX_LIVE_TURNS: count(500, 100_000),
  CHAT_MAX_READS_AT_ONCE: count(4, 1_000, 0),
  CHAT_MAX_SELECTS_AT_ONCE: count(1, 1_000).removeDefault().optional(),
  CHAT_READ_TIMEOUT_SECONDS: seconds(10),
  CHAT_METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/u, 'has to be one word of at least 16 characters, printable ASCII')
    .optional(),
  CHAT_WS_ORIGINS: origins,
  CHAT_WS_MAX_MESSAGE_BYTES: count(262_144, 64_000_000),
  CHAT_WS_MESSAGES_PER_SECOND: count(20, 10_000),
  CHAT_WS_HEARTBEAT_SECONDS: seconds(30),
  CHAT_WS_MAX_PER_USER: count(20, 10_000),
  CHAT_WS_MAX_CONNECTIONS: count(5_000, 30_000),
  MES_RETENTION_DAYS: count(0, 36_500, 0),
});

/** The names of the variables, as `config/chat.ts` reads them and `.env.example` explains them. */
export const settingNames = Object.keys(schema.shape);

/**
 * Checks what the environment says, variable by variable.
 * @throws SettingsError listing every problem.
 */
export function parseChatSettings(variables: unknown): ChatSettings {
  return toChatSettings(parseVariables(schema, variables));
}

function toChatSettings(variables: z.infer<typeof schema>): ChatSettings {
  return {
    dify: {
      apiUrl: variables.DIFY_API_URL,
      apiKey: variables.DIFY_API_KEY,
      promptInput: variables.DIFY_PROMPT_INPUT,
      connectTimeoutMs: variables.DIFY_CONNECT_TIMEOUT_SECONDS * 1000,
      firstByteTimeoutMs: variables.DIFY_FIRST_BYTE_TIMEOUT_SECONDS * 1000,
      idleTimeoutMs: variables.DIFY_IDLE_TIMEOUT_SECONDS * 1000,
      totalTimeoutMs: variables.DIFY_TOTAL_TIMEOUT_SECONDS * 1000,
      maxFrameChars: variables.DIFY_MAX_FRAME_CHARS,
    },
    turns: {
      exposePrompt: variables.CHAT_EXPOSE_PROMPT,
      maxAnswerChars: variables.CHAT_MAX_ANSWER_CHARS,
      maxLogChars: variables.CHAT_MAX_LIVE_LOG_CHARS,
      checkpointEveryMs: variables.CHAT_CHECKPOINT_SECONDS * 1000,
      stopGraceMs: variables.CHAT_STOP_GRACE_SECONDS * 1000,
      saveRetryMs: variables.CHAT_SAVE_RETRY_SECONDS * 1000,
      recoveryMs: variables.CHAT_RECOVERY_SECONDS * 1000,
      leaseMs: variables.CHAT_TURN_LEASE_SECONDS * 1000,
    },
    limits: {
      turnsAtOnce: variables.CHAT_MAX_TURNS_AT_ONCE,
      turnsPerMinute: variables.CHAT_TURNS_PER_MINUTE,
      tokensPerDay: variables.CHAT_TOKENS_PER_DAY,
      writesPerMinute: variables.CHAT_WRITES_PER_MINUTE,
      charsPerDay: variables.CHAT_STORED_CHARS_PER_DAY,
      maxLiveTurns: variables.CHAT_MAX_LIVE_TURNS,
    },
    reads: {
      atOnce: variables.CHAT_MAX_READS_AT_ONCE,
      selectsAtOnce: variables.CHAT_MAX_SELECTS_AT_ONCE ?? null,
      timeoutMs: variables.CHAT_READ_TIMEOUT_SECONDS * 1000,
    },
    request: {
      maxQueryChars: variables.CHAT_MAX_QUERY_CHARS,
      maxInputsChars: variables.CHAT_MAX_INPUTS_CHARS,
    },
    sockets: {
      origins: variables.CHAT_WS_ORIGINS,
      maxMessageBytes: variables.CHAT_WS_MAX_MESSAGE_BYTES,
      messagesPerSecond: variables.CHAT_WS_MESSAGES_PER_SECOND,
      heartbeatEveryMs: variables.CHAT_WS_HEARTBEAT_SECONDS * 1000,
      maxPerUser: variables.CHAT_WS_MAX_PER_USER,
      maxConnections: variables.CHAT_WS_MAX_CONNECTIONS,
    },
    history: { retentionDays: variables.MES_RETENTION_DAYS },
    modelName: variables.DIFY_MODEL_NAME,
    metricsToken: variables.CHAT_METRICS_TOKEN ?? null,
    restorableMs: variables.CHAT_RESTORE_DAYS * 86_400_000,
    cacheCharactersMs: variables.CHAT_REMEMBER_CHARACTERS_SECONDS * 1000,
    drainTimeoutMs: variables.CHAT_DRAIN_TIMEOUT_SECONDS * 1000,
    heartbeatEveryMs: variables.CHAT_HEARTBEAT_SECONDS * 1000,
    stalledReaderMs: variables.CHAT_STALLED_READER_SECONDS * 1000,
  };
}

export interface DifySettings extends CallSettings {
  /** The name under which the app's prompt template expects the character's prompt. */
  readonly promptInput: string;
  readonly maxFrameChars: number;
}

export interface CallSettings extends DeadlineSettings {
  /** With `/v1`, without a slash at its end. */
  readonly apiUrl: string;
  readonly apiKey: string;
}

/** How long Dify may take. It pings every 10 s, so an idle time below 30 s would cut streams that are well. */
export interface DeadlineSettings {
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly totalTimeoutMs: number;
}
