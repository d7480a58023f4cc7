import { z } from 'zod';

import { redisUrl } from '../env/redis-url';
import { upstreamKinds, type UpstreamKind } from './model/character';
import {
  count,
  flag,
  origins,
  parseSettings,
  setting,
  valuesOf,
  variablesOf,
  words,
  type SettingsOf,
} from '../env/variables';

/** Reads a time in seconds and returns milliseconds. */
const seconds = (fallback: number) =>
  z.coerce
    .number('must be a number of seconds')
    .positive('must be more than 0 seconds')
    .max(86_400, 'can be at most 86400 seconds (a day)')
    .default(fallback)
    .transform((given) => given * 1000);

/** The id of a conversation in an address: a UUID, or a placeholder of Dify's documentation. */
const id = '([\\da-f]{8}-[\\da-f-]{27}|:[^/]+|%7B[^/]+)';

/** Matches the path of an endpoint of Dify, which people copy from Dify's documentation or from its pages. */
const endpoint = new RegExp(
  [
    '(/api|/console/api/apps/[^/]+)?/(',
    [
      '(chat|completion)-messages(/[^/]+/stop)?',
      'workflows/run',
      'messages(/[^/]+/(feedbacks|suggested))?',
      `conversations(/${id}|/[^/]+/(name|variables))?`,
      'parameters',
      'info',
      'files/upload',
    ].join('|'),
    ')$',
  ].join(''),
  'iu',
);

/** The address of a server, without a slash at its end. */
const address = (example: string) =>
  z.string().transform((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !['http:', 'https:'].includes(url.protocol)) {
      context.addIssue({ code: 'custom', message: `must be an http or https address, e.g. ${example}` });
      return z.NEVER;
    }
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      context.addIssue({
        code: 'custom',
        message: 'must be an address without credentials, query or fragment',
      });
      return z.NEVER;
    }
    return `${url.origin}${url.pathname}`.replace(/\/+$/u, '');
  });

const apiUrl = address('https://api.dify.ai/v1').transform((base, context) => {
  const api = base.replace(endpoint, '').replace(/\/v1$/u, '') + '/v1';
  if (!endpoint.test(base)) return api;
  context.addIssue({ code: 'custom', message: `must not end with an endpoint. Set it to ${api}` });
  return z.NEVER;
});

/** People copy the address of a page of Dify. The console API is on the same host, below `/console/api`. */
const consoleUrl = address('https://dify.example.com').transform(
  (base) => base.replace(/(\/console\/api|\/apps?|\/signin)(\/.*)?$/u, '') + '/console/api',
);

const baseUrl = address('https://api.openai.com/v1').transform((base) =>
  base.replace(/\/(chat\/completions|models)$/u, ''),
);

/** A word that goes into an HTTP header. */
const apiKey = z
  .string()
  .regex(/^[\x21-\x7e]+$/u, 'must be one word of printable ASCII: it goes into an HTTP header');

const orNull = <Schema extends z.ZodType>(schema: Schema) =>
  schema.optional().transform((given) => given ?? null);

const oneWord = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/u, 'must be one word of at most 255 characters, printable ASCII');

/** A secret that nobody can guess: one long word that fits into an HTTP header. */
const metricsToken = z
  .string()
  .regex(/^[\x21-\x7e]{16,}$/u, 'must be one word of at least 16 characters, printable ASCII')
  .optional()
  .transform((token) => token ?? null);

/**
 * Every setting of the chat, one per row: variable, type, default, maximum and minimum (1 if left out).
 * `config/chat.ts` reads these variables. `.env.example` explains them, and a test compares both.
 */
const table = {
  /** The upstream of characters that choose no other. */
  upstream: setting(
    'CHAT_UPSTREAM',
    z.enum(upstreamKinds, `must be ${upstreamKinds.join(', ')}`).default('dify'),
  ),
  dify: {
    /** Ends with `/v1`, without a slash after it. */
    apiUrl: setting('DIFY_API_URL', orNull(apiUrl)),
    apiKey: setting('DIFY_API_KEY', orNull(apiKey)),
    /** The variable in the prompt template of the Dify app that receives the character's prompt. */
    promptInput: setting(
      'DIFY_PROMPT_INPUT',
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/u, 'must be the name of a variable of your Dify app')
        .default('prompt'),
    ),
    connectTimeoutMs: setting('DIFY_CONNECT_TIMEOUT_SECONDS', seconds(10)),
    firstByteTimeoutMs: setting('DIFY_FIRST_BYTE_TIMEOUT_SECONDS', seconds(60)),
    /** Dify pings every 10 s. A timeout below 30 s cuts healthy streams. */
    idleTimeoutMs: setting('DIFY_IDLE_TIMEOUT_SECONDS', seconds(45)),
    totalTimeoutMs: setting('DIFY_TOTAL_TIMEOUT_SECONDS', seconds(1260)),
    /** How long Dify's last events may take after its workflow has ended. Some versions then only send pings. */
    endTimeoutMs: setting('DIFY_END_TIMEOUT_SECONDS', seconds(5)),
    /** Whether deleting a session also deletes its conversation in Dify. Erasing a session always does. */
    deleteConversations: setting('DIFY_DELETE_CONVERSATIONS', flag(false)),
    maxFrameChars: setting('DIFY_MAX_FRAME_CHARS', count(1_000_000, 64_000_000)),
    /** Answers that this process requests from Dify at the same time. 0 means no bound. Null: a default for the host. */
    answersAtOnce: setting(
      'DIFY_ANSWERS_AT_ONCE',
      count(8, 10_000, 0)
        .removeDefault()
        .optional()
        .transform((given) => given ?? null),
    ),
    /** How long a question may wait for such an answer. */
    queueMs: setting('DIFY_QUEUE_SECONDS', seconds(60)),
    /** Whether two questions of a conversation are sent more than a second apart. */
    spaceQuestions: setting('DIFY_SPACE_QUESTIONS', flag(true)),
  },
  /** Dify's console API, with one account for all apps. */
  console: {
    /** Ends with `/console/api`. */
    url: setting('DIFY_CONSOLE_URL', orNull(consoleUrl)),
    email: setting('DIFY_CONSOLE_EMAIL', orNull(z.email('must be an email address'))),
    password: setting('DIFY_CONSOLE_PASSWORD', orNull(z.string())),
    /** The app of characters that name none. */
    appId: setting('DIFY_CONSOLE_APP_ID', orNull(z.uuid('must be the id of an app, a UUID'))),
  },
  /** An OpenAI-compatible server. */
  openai: {
    /** Without a slash at its end. */
    baseUrl: setting('OPENAI_BASE_URL', orNull(baseUrl)),
    /** Null if the server takes no key. */
    apiKey: setting('OPENAI_API_KEY', orNull(apiKey)),
    /** The model of characters that name none. */
    model: setting('OPENAI_MODEL', orNull(oneWord)),
    /** How many tokens of earlier turns go with a question. */
    historyTokens: setting('OPENAI_HISTORY_TOKENS', count(4_000, 10_000_000, 0)),
    /** Such servers send no pings. A reasoning model is silent for minutes. */
    firstByteTimeoutMs: setting('OPENAI_FIRST_BYTE_TIMEOUT_SECONDS', seconds(300)),
    idleTimeoutMs: setting('OPENAI_IDLE_TIMEOUT_SECONDS', seconds(120)),
  },
  turns: {
    /** Whether replies show users the prompt of a character. */
    exposePrompt: setting('CHAT_EXPOSE_PROMPT', flag(true)),
    /** Whether `{{user}}` is the name of the user. Upstreams then learn it. Otherwise it is the word "User". */
    nameUsers: setting('CHAT_NAME_USERS', flag(false)),
    maxAnswerChars: setting('CHAT_MAX_ANSWER_CHARS', count(400_000, 16_000_000)),
    /** Characters of JSON that the log of a running turn keeps, for clients that reconnect. */
    maxLogChars: setting('CHAT_MAX_LIVE_LOG_CHARS', count(1_000_000, 64_000_000, 10_000)),
    checkpointEveryMs: setting('CHAT_CHECKPOINT_SECONDS', seconds(1)),
    /** How long Dify may take to end a stopped answer. After that the server ends the turn itself. */
    stopGraceMs: setting('CHAT_STOP_GRACE_SECONDS', seconds(3)),
    /** How long the server retries to save the end of a turn while the database is busy or unavailable. */
    saveRetryMs: setting('CHAT_SAVE_RETRY_SECONDS', seconds(120)),
    /** How long the server looks in Dify for the rest of an answer that broke off. */
    recoveryMs: setting('CHAT_RECOVERY_SECONDS', seconds(5)),
    /** After this time without a sign of life, the process of a pending turn counts as dead. */
    leaseMs: setting('CHAT_TURN_LEASE_SECONDS', seconds(60)),
  },
  /** How much users may ask and write. 0 means no limit, except for `maxLiveTurns`. */
  limits: {
    /** Turns of one user that run in this process at the same time. */
    turnsAtOnce: setting('CHAT_MAX_TURNS_AT_ONCE', count(3, 1_000, 0)),
    turnsPerMinute: setting('CHAT_TURNS_PER_MINUTE', count(20, 100_000, 0)),
    tokensPerDay: setting('CHAT_TOKENS_PER_DAY', count(0, 1_000_000_000, 0)),
    /** Writes of one user, without turns. */
    writesPerMinute: setting('CHAT_WRITES_PER_MINUTE', count(300, 100_000, 0)),
    /** Characters that the server stores for one user, without answers. */
    charsPerDay: setting('CHAT_STORED_CHARS_PER_DAY', count(20_000_000, 2_000_000_000, 0)),
    /** Turns of all users that run in this process at the same time. */
    maxLiveTurns: setting('CHAT_MAX_LIVE_TURNS', count(500, 100_000)),
  },
  /** Lists, searches and exports. */
  reads: {
    /** Reads of one user in this process at the same time. Further reads wait. 0 means no limit. */
    atOnce: setting('CHAT_MAX_READS_AT_ONCE', count(4, 1_000, 0)),
    /** Selects through many rows, of all users, in this process at the same time. Null: a default for the database. */
    selectsAtOnce: setting(
      'CHAT_MAX_SELECTS_AT_ONCE',
      count(1, 1_000)
        .removeDefault()
        .optional()
        .transform((given) => given ?? null),
    ),
    /** How long such a select may take, and how long a read waits for its turn. */
    timeoutMs: setting('CHAT_READ_TIMEOUT_SECONDS', seconds(10)),
  },
  /** Limits for requests of clients. */
  request: {
    maxQueryChars: setting('CHAT_MAX_QUERY_CHARS', count(20_000, 1_000_000)),
    /** Characters of JSON. */
    maxInputsChars: setting('CHAT_MAX_INPUTS_CHARS', count(20_000, 1_000_000)),
    /** Files of one question. 0 turns files off. */
    maxFiles: setting('CHAT_MAX_FILES', count(3, 100, 0)),
  },
  /** Files of questions and of answers. */
  files: {
    /** The limit of one upload. */
    maxBytes: setting('CHAT_FILE_MAX_BYTES', count(10_485_760, 104_857_600)),
    /** The limit of a JSON body that can have files in it. */
    maxBodyBytes: setting('CHAT_FILE_MAX_BODY_BYTES', count(20_971_520, 268_435_456, 1_000)),
    /** An upload must have one of these media types, and one of these extensions. */
    mimeTypes: setting(
      'CHAT_FILE_TYPES',
      words(/^[\w.+-]+\/[\w.+-]+$/u, 'must be media types, e.g. image/png, application/pdf', [
        'image/png',
        'image/jpeg',
        'image/gif',
        'image/webp',
      ]),
    ),
    extensions: setting(
      'CHAT_FILE_EXTENSIONS',
      words(/^[a-z0-9]{1,20}$/u, 'must be extensions without a dot, e.g. png, pdf', [
        'png',
        'jpg',
        'jpeg',
        'gif',
        'webp',
      ]),
    ),
    /** Hosts whose files questions may name by address, and from which the server may fetch files of answers. */
    hosts: setting(
      'CHAT_FILE_HOSTS',
      words(/^[a-z0-9.-]+(:\d{1,5})?$/u, 'must be hosts, e.g. cdn.example.com or cdn.example.com:8443', []),
    ),
  },
  /** The WebSocket. */
  sockets: {
    /** Web origins whose pages may connect, or `*` for all. */
    origins: setting('CHAT_WS_ORIGINS', origins),
    maxMessageBytes: setting('CHAT_WS_MAX_MESSAGE_BYTES', count(262_144, 64_000_000)),
    messagesPerSecond: setting('CHAT_WS_MESSAGES_PER_SECOND', count(20, 10_000)),
    /** The server pings at this interval. It drops a client that has not answered by the next ping. */
    heartbeatEveryMs: setting('CHAT_WS_HEARTBEAT_SECONDS', seconds(30)),
    maxPerUser: setting('CHAT_WS_MAX_PER_USER', count(20, 10_000)),
    /** Connections of all users to this process. */
    maxConnections: setting('CHAT_WS_MAX_CONNECTIONS', count(5_000, 30_000)),
  },
  history: {
    /** How many days the history keeps finished generations. 0 keeps them permanently. */
    retentionDays: setting('MES_RETENTION_DAYS', count(0, 36_500, 0)),
  },
  /** The name of the model in the history. Dify does not report it. */
  modelName: setting('DIFY_MODEL_NAME', oneWord.default('dify')),
  /** The token that allows a client to read the metrics. Null: nobody may read them. */
  metricsToken: setting('CHAT_METRICS_TOKEN', metricsToken),
  /** Whether Strapi's webhooks and lifecycle subscribers get an event for each finished message. */
  strapiEvents: setting('CHAT_STRAPI_EVENTS', flag(false)),
  /** How long a deleted message or session can be restored. */
  restorableMs: setting(
    'CHAT_RESTORE_DAYS',
    count(30, 36_500).transform((days) => days * 86_400_000),
  ),
  /** How many days the server keeps the log of administrators who read users' chats. */
  auditRetentionDays: setting('CHAT_AUDIT_RETENTION_DAYS', count(365, 36_500)),
  /** How many days the server keeps the trials of editors. */
  trialRetentionDays: setting('CHAT_TRIAL_RETENTION_DAYS', count(90, 36_500)),
  /** How long a character is cached. 0 means no cache. */
  cacheCharactersMs: setting(
    'CHAT_REMEMBER_CHARACTERS_SECONDS',
    count(5, 3_600, 0).transform((given) => given * 1000),
  ),
  /** Redis, by which several processes work as one. Null: this process works alone. */
  redisUrl: setting('REDIS_URL', orNull(redisUrl)),
  heartbeatEveryMs: setting('CHAT_HEARTBEAT_SECONDS', seconds(15)),
  /** The server disconnects a client that reads nothing of its reply for this long. */
  stalledReaderMs: setting('CHAT_STALLED_READER_SECONDS', seconds(30)),
  /** How long the process still takes questions after the signal to end. Null: a default. */
  drainDelayMs: setting(
    'CHAT_DRAIN_DELAY_SECONDS',
    z.coerce
      .number('must be a number of seconds')
      .min(0, 'must be at least 0')
      .max(3_600, 'can be at most 3600 seconds (an hour)')
      .optional()
      .transform((given) => (given === undefined ? null : given * 1000)),
  ),
  /** How long running turns may continue after that. */
  drainTimeoutMs: setting('CHAT_DRAIN_TIMEOUT_SECONDS', seconds(30)),
};

export type ChatSettings = SettingsOf<typeof table>;
export type TurnSettings = ChatSettings['turns'];
export type LimitSettings = ChatSettings['limits'];
export type ReadSettings = ChatSettings['reads'];
export type RequestSettings = ChatSettings['request'];
export type FileSettings = ChatSettings['files'] & Pick<RequestSettings, 'maxFiles'>;
export type SocketSettings = ChatSettings['sockets'];
/** How one app of Dify is asked. */
export type DifySettings = ChatSettings['dify'] & { readonly apiUrl: string; readonly apiKey: string };
export type DeadlineSettings = Pick<
  DifySettings,
  'connectTimeoutMs' | 'firstByteTimeoutMs' | 'idleTimeoutMs' | 'totalTimeoutMs' | 'endTimeoutMs'
>;
export type CallSettings = DeadlineSettings & Pick<DifySettings, 'apiUrl' | 'apiKey'>;

/** The names of all variables. `.env.example` explains them. */
export const settingNames = variablesOf(table);

/** Older and more general variables, used where the setting's own variable is empty. */
export const otherNames = {
  DIFY_API_URL: 'DIFFBOT_API_URL',
  DIFY_API_KEY: 'DIFFBOT_API_KEY',
  CHAT_WS_ORIGINS: 'CORS_ORIGINS',
  REDIS_URL: 'REDIS_CONN_STRING',
} as const;

/** Reads the variables of the settings, unchecked. */
export function chatVariables(env: (name: string) => unknown): Record<string, unknown> {
  const others = Object.entries(otherNames).map(([name, other]) => [name, env(name) || env(other)]);
  return { ...valuesOf(env, settingNames), ...(Object.fromEntries(others) as object) };
}

/**
 * Checks the variables of the environment and returns the settings.
 * @throws SettingsError with a list of all problems.
 */
export function parseChatSettings(variables: unknown): ChatSettings {
  return parseSettings(table, variables, findMissing);
}

/** The variables without which an upstream cannot be asked, and what they must be set to. */
const required: Readonly<Record<UpstreamKind, Readonly<Record<string, string>>>> = {
  dify: {
    DIFY_API_URL: 'the address of your Dify, e.g. https://api.dify.ai/v1',
    DIFY_API_KEY: 'the API key of your Dify app (it begins with "app-")',
  },
  'dify-console': {
    DIFY_CONSOLE_URL: 'the address of your Dify, e.g. https://dify.example.com',
    DIFY_CONSOLE_EMAIL: 'the email of an account of your Dify',
    DIFY_CONSOLE_PASSWORD: 'the password of that account',
  },
  openai: {
    OPENAI_BASE_URL: 'the address of your server, e.g. https://api.openai.com/v1',
    OPENAI_MODEL: 'the name of a model that your server lists',
  },
};

/** An upstream that a variable begins to set up must be whole, and so must the default one. */
function findMissing(given: Readonly<Record<string, unknown>>): string[] {
  return upstreamKinds.flatMap((kind) => {
    const variables = Object.entries(required[kind]);
    const isDefault = kind === (given['CHAT_UPSTREAM'] ?? 'dify');
    // Dify's address alone is enough if each character brings the key of its app.
    const isBegun = kind === 'dify-console' && variables.some(([name]) => given[name] !== undefined);
    if (!isDefault && !isBegun) return [];
    return variables
      .filter(([name]) => given[name] === undefined)
      .map(([name, value]) => `${name} is missing. Set it to ${value}`);
  });
}
