import readConfig from '../../config/chat';
import { parseChatSettings, settingNames } from '../../src/chat/settings';
import { SettingsError } from '../../src/env/variables';
import { thrown } from './support/collect';

const required = { DIFY_API_URL: 'https://dify.example/v1', DIFY_API_KEY: 'app-top-secret' };

const account = {
  DIFY_CONSOLE_EMAIL: 'ann@example.org',
  DIFY_CONSOLE_PASSWORD: 'secret',
};

function apiUrl(url: string): string | null {
  return parseChatSettings({ ...required, DIFY_API_URL: url }).dify.apiUrl;
}

async function problems(variables: unknown): Promise<readonly string[]> {
  const error = await thrown(() => parseChatSettings(variables));
  expect(error).toBeInstanceOf(SettingsError);
  return (error as SettingsError).problems;
}

/** A value other than the default for each variable. */
const others: Readonly<Record<string, string>> = {
  CHAT_UPSTREAM: 'openai',
  DIFY_API_URL: 'http://localhost:5001/v1',
  DIFY_API_KEY: 'app-another',
  DIFY_PROMPT_INPUT: 'persona',
  DIFY_MODEL_NAME: 'gpt-of-ours',
  DIFY_CONNECT_TIMEOUT_SECONDS: '1.5',
  DIFY_FIRST_BYTE_TIMEOUT_SECONDS: '2',
  DIFY_IDLE_TIMEOUT_SECONDS: '3',
  DIFY_TOTAL_TIMEOUT_SECONDS: '4',
  DIFY_END_TIMEOUT_SECONDS: '29',
  DIFY_MAX_FRAME_CHARS: '5',
  DIFY_ANSWERS_AT_ONCE: '0',
  DIFY_QUEUE_SECONDS: '7',
  DIFY_SPACE_QUESTIONS: 'false',
  DIFY_DELETE_CONVERSATIONS: 'true',
  DIFY_CONSOLE_URL: 'https://dify.example/console/api',
  DIFY_CONSOLE_EMAIL: 'editor@example.org',
  DIFY_CONSOLE_PASSWORD: 'open sesame',
  DIFY_CONSOLE_APP_ID: '13f717a8-aba2-4155-b139-817ca700651f',
  OPENAI_BASE_URL: 'https://models.example/v1',
  OPENAI_API_KEY: 'sk-ours',
  OPENAI_MODEL: 'gpt-of-ours',
  OPENAI_HISTORY_TOKENS: '0',
  OPENAI_FIRST_BYTE_TIMEOUT_SECONDS: '31',
  OPENAI_IDLE_TIMEOUT_SECONDS: '32',
  CHAT_MAX_QUERY_CHARS: '6',
  CHAT_MAX_INPUTS_CHARS: '7',
  CHAT_FILE_MAX_BYTES: '30',
  CHAT_FILE_MAX_BODY_BYTES: '31000',
  CHAT_FILE_TYPES: 'Application/PDF, image/png',
  CHAT_FILE_EXTENSIONS: 'PDF',
  CHAT_MAX_FILES: '0',
  CHAT_FILE_HOSTS: 'cdn.example, localhost:9000',
  CHAT_MAX_ANSWER_CHARS: '8',
  CHAT_EXPOSE_PROMPT: 'false',
  CHAT_NAME_USERS: 'true',
  CHAT_HEARTBEAT_SECONDS: '9',
  CHAT_CHECKPOINT_SECONDS: '10',
  CHAT_TURN_LEASE_SECONDS: '11',
  CHAT_STOP_GRACE_SECONDS: '12',
  CHAT_RECOVERY_SECONDS: '14',
  CHAT_SAVE_RETRY_SECONDS: '20',
  CHAT_DRAIN_DELAY_SECONDS: '33',
  CHAT_DRAIN_TIMEOUT_SECONDS: '13',
  CHAT_RESTORE_DAYS: '15',
  CHAT_AUDIT_RETENTION_DAYS: '29',
  CHAT_TRIAL_RETENTION_DAYS: '31',
  CHAT_REMEMBER_CHARACTERS_SECONDS: '16',
  CHAT_MAX_LIVE_LOG_CHARS: '18000',
  CHAT_STALLED_READER_SECONDS: '19',
  CHAT_MAX_TURNS_AT_ONCE: '0',
  CHAT_TURNS_PER_MINUTE: '15',
  CHAT_TOKENS_PER_DAY: '16',
  CHAT_WRITES_PER_MINUTE: '26',
  CHAT_STORED_CHARS_PER_DAY: '27',
  CHAT_MAX_LIVE_TURNS: '17',
  CHAT_MAX_READS_AT_ONCE: '26',
  CHAT_MAX_SELECTS_AT_ONCE: '27',
  CHAT_READ_TIMEOUT_SECONDS: '28',
  CHAT_METRICS_TOKEN: 'token-of-the-scraper',
  REDIS_URL: 'rediss://ann:secret@redis.example:6380/2',
  CHAT_STRAPI_EVENTS: 'true',
  CHAT_WS_ORIGINS: 'https://app.example, capacitor://localhost',
  CHAT_WS_MAX_MESSAGE_BYTES: '18',
  CHAT_WS_MESSAGES_PER_SECOND: '19',
  CHAT_WS_HEARTBEAT_SECONDS: '21',
  CHAT_WS_MAX_PER_USER: '23',
  CHAT_WS_MAX_CONNECTIONS: '24',
  MES_RETENTION_DAYS: '25',
};

describe('parseChatSettings', () => {
  it('requires the address and the key of Dify, and has a default for all other settings', () => {
    expect(parseChatSettings(required)).toEqual({
      upstream: 'dify',
      console: { url: null, email: null, password: null, appId: null },
      openai: {
        baseUrl: null,
        apiKey: null,
        model: null,
        historyTokens: 4_000,
        firstByteTimeoutMs: 300_000,
        idleTimeoutMs: 120_000,
      },
      dify: {
        apiUrl: 'https://dify.example/v1',
        apiKey: 'app-top-secret',
        promptInput: 'prompt',
        connectTimeoutMs: 10_000,
        firstByteTimeoutMs: 60_000,
        idleTimeoutMs: 45_000,
        totalTimeoutMs: 1_260_000,
        endTimeoutMs: 5_000,
        deleteConversations: false,
        maxFrameChars: 1_000_000,
        answersAtOnce: null,
        queueMs: 60_000,
        spaceQuestions: true,
      },
      turns: {
        exposePrompt: true,
        nameUsers: false,
        maxAnswerChars: 400_000,
        maxLogChars: 1_000_000,
        checkpointEveryMs: 1_000,
        stopGraceMs: 3_000,
        recoveryMs: 5_000,
        saveRetryMs: 120_000,
        leaseMs: 60_000,
      },
      limits: {
        turnsAtOnce: 3,
        turnsPerMinute: 20,
        tokensPerDay: 0,
        writesPerMinute: 300,
        charsPerDay: 20_000_000,
        maxLiveTurns: 500,
      },
      reads: { atOnce: 4, selectsAtOnce: null, timeoutMs: 10_000 },
      request: { maxQueryChars: 20_000, maxInputsChars: 20_000, maxFiles: 3 },
      files: {
        maxBytes: 10_485_760,
        maxBodyBytes: 20_971_520,
        mimeTypes: ['image/png', 'image/jpeg', 'image/gif', 'image/webp'],
        extensions: ['png', 'jpg', 'jpeg', 'gif', 'webp'],
        hosts: [],
      },
      sockets: {
        origins: ['*'],
        maxMessageBytes: 262_144,
        messagesPerSecond: 20,
        heartbeatEveryMs: 30_000,
        maxPerUser: 20,
        maxConnections: 5_000,
      },
      history: { retentionDays: 0 },
      heartbeatEveryMs: 15_000,
      modelName: 'dify',
      metricsToken: null,
      strapiEvents: false,
      restorableMs: 30 * 86_400_000,
      auditRetentionDays: 365,
      trialRetentionDays: 90,
      cacheCharactersMs: 5_000,
      redisUrl: null,
      stalledReaderMs: 30_000,
      drainDelayMs: null,
      drainTimeoutMs: 30_000,
    });
  });

  it('reads every variable', () => {
    expect(parseChatSettings(others)).toEqual({
      upstream: 'openai',
      console: {
        url: 'https://dify.example/console/api',
        email: 'editor@example.org',
        password: 'open sesame',
        appId: '13f717a8-aba2-4155-b139-817ca700651f',
      },
      openai: {
        baseUrl: 'https://models.example/v1',
        apiKey: 'sk-ours',
        model: 'gpt-of-ours',
        historyTokens: 0,
        firstByteTimeoutMs: 31_000,
        idleTimeoutMs: 32_000,
      },
      dify: {
        apiUrl: 'http://localhost:5001/v1',
        apiKey: 'app-another',
        promptInput: 'persona',
        connectTimeoutMs: 1_500,
        firstByteTimeoutMs: 2_000,
        idleTimeoutMs: 3_000,
        totalTimeoutMs: 4_000,
        endTimeoutMs: 29_000,
        deleteConversations: true,
        maxFrameChars: 5,
        answersAtOnce: 0,
        queueMs: 7_000,
        spaceQuestions: false,
      },
      turns: {
        exposePrompt: false,
        nameUsers: true,
        maxAnswerChars: 8,
        maxLogChars: 18_000,
        checkpointEveryMs: 10_000,
        stopGraceMs: 12_000,
        recoveryMs: 14_000,
        saveRetryMs: 20_000,
        leaseMs: 11_000,
      },
      limits: {
        turnsAtOnce: 0,
        turnsPerMinute: 15,
        tokensPerDay: 16,
        writesPerMinute: 26,
        charsPerDay: 27,
        maxLiveTurns: 17,
      },
      reads: { atOnce: 26, selectsAtOnce: 27, timeoutMs: 28_000 },
      request: { maxQueryChars: 6, maxInputsChars: 7, maxFiles: 0 },
      files: {
        maxBytes: 30,
        maxBodyBytes: 31_000,
        mimeTypes: ['application/pdf', 'image/png'],
        extensions: ['pdf'],
        hosts: ['cdn.example', 'localhost:9000'],
      },
      sockets: {
        origins: ['https://app.example', 'capacitor://localhost'],
        maxMessageBytes: 18,
        messagesPerSecond: 19,
        heartbeatEveryMs: 21_000,
        maxPerUser: 23,
        maxConnections: 24,
      },
      history: { retentionDays: 25 },
      heartbeatEveryMs: 9_000,
      modelName: 'gpt-of-ours',
      metricsToken: 'token-of-the-scraper',
      strapiEvents: true,
      restorableMs: 15 * 86_400_000,
      auditRetentionDays: 29,
      trialRetentionDays: 31,
      cacheCharactersMs: 16_000,
      redisUrl: 'rediss://ann:secret@redis.example:6380/2',
      stalledReaderMs: 19_000,
      drainDelayMs: 33_000,
      drainTimeoutMs: 13_000,
    });
  });

  it('reports all problems together, each with its variable', async () => {
    const bad = {
      DIFY_API_KEY: 'two words',
      DIFY_PROMPT_INPUT: '1st',
      DIFY_CONNECT_TIMEOUT_SECONDS: 'soon',
      DIFY_IDLE_TIMEOUT_SECONDS: '0',
      DIFY_TOTAL_TIMEOUT_SECONDS: '86401',
      DIFY_MAX_FRAME_CHARS: '1.5',
      CHAT_MAX_QUERY_CHARS: '0',
      CHAT_MAX_ANSWER_CHARS: '999999999',
      CHAT_EXPOSE_PROMPT: 'perhaps',
      CHAT_HEARTBEAT_SECONDS: '-1',
      CHAT_MAX_LIVE_LOG_CHARS: '9999',
      CHAT_STALLED_READER_SECONDS: '0',
      CHAT_MAX_TURNS_AT_ONCE: '-1',
      CHAT_TURNS_PER_MINUTE: '0.5',
      CHAT_TOKENS_PER_DAY: '1000000001',
      CHAT_WRITES_PER_MINUTE: '100001',
      CHAT_STORED_CHARS_PER_DAY: '-1',
      CHAT_MAX_LIVE_TURNS: '0',
    };
    const found = await problems(bad);
    expect(found.map((problem) => problem.split(' ')[0]).sort()).toEqual(
      ['DIFY_API_URL', ...Object.keys(bad)].sort(),
    );
  });

  it('lists the problems in one message, one per line', async () => {
    const error = await thrown(() => parseChatSettings({}));
    expect((error as SettingsError).message.split('\n')).toEqual([
      'The settings are not complete:',
      expect.stringMatching(/^ {2}- DIFY_API_URL is missing\..+\.$/u),
      expect.stringMatching(/^ {2}- DIFY_API_KEY is missing\..+\.$/u),
    ]);
  });

  it('requires the variables of the chosen upstream only', async () => {
    expect(await problems({ CHAT_UPSTREAM: 'openai' })).toEqual([
      expect.stringContaining('OPENAI_BASE_URL is missing'),
      expect.stringContaining('OPENAI_MODEL is missing'),
    ]);
    const console = { CHAT_UPSTREAM: 'dify-console', DIFY_CONSOLE_URL: 'https://dify.example' };
    expect(await problems(console)).toEqual([
      expect.stringContaining('DIFY_CONSOLE_EMAIL is missing'),
      expect.stringContaining('DIFY_CONSOLE_PASSWORD is missing'),
    ]);
  });

  it('requires the whole account of a console that it names', async () => {
    expect(await problems({ ...required, DIFY_CONSOLE_EMAIL: 'ann@example.org' })).toEqual([
      expect.stringContaining('DIFY_CONSOLE_URL is missing'),
      expect.stringContaining('DIFY_CONSOLE_PASSWORD is missing'),
    ]);
  });

  it.each([
    ['https://dify.example', 'https://dify.example/console/api'],
    ['https://dify.example/console/api/', 'https://dify.example/console/api'],
    ['https://dify.example/app/13f717a8/configuration', 'https://dify.example/console/api'],
    ['https://dify.example/apps', 'https://dify.example/console/api'],
    ['http://localhost:8080/signin', 'http://localhost:8080/console/api'],
  ])('reads the address %s of the console as %s', (given, url) => {
    expect(parseChatSettings({ ...required, ...account, DIFY_CONSOLE_URL: given }).console.url).toBe(url);
  });

  it.each([
    ['https://api.openai.com/v1/', 'https://api.openai.com/v1'],
    ['https://api.openai.com/v1/chat/completions', 'https://api.openai.com/v1'],
    ['http://localhost:11434/v1', 'http://localhost:11434/v1'],
  ])('reads the address %s of an OpenAI-compatible server as %s', (given, url) => {
    expect(parseChatSettings({ ...required, OPENAI_BASE_URL: given }).openai.baseUrl).toBe(url);
  });

  it('never shows the value of a variable', async () => {
    const secret = 'top-secret';
    // A password can be any text.
    const names = settingNames.filter((name) => name !== 'DIFY_CONSOLE_PASSWORD');
    const bad = Object.fromEntries(names.map((name) => [name, `${secret} ${secret}`]));
    const error = (await thrown(() => parseChatSettings(bad))) as SettingsError;
    expect(error.problems.filter((problem) => !problem.includes(' is missing'))).toHaveLength(names.length);
    expect(error.message + error.stack + JSON.stringify(error)).not.toContain(secret);
  });

  it.each(['', '  ', undefined])('treats %j as a variable that is not set', async (blank) => {
    const blanks = Object.fromEntries(settingNames.map((name) => [name, blank]));
    expect(parseChatSettings({ ...blanks, ...required })).toEqual(parseChatSettings(required));
    expect(await problems(blanks)).toHaveLength(2);
  });

  it('ignores spaces around a value, and unknown variables', () => {
    const spaced = {
      DIFY_API_URL: ` ${required.DIFY_API_URL} `,
      DIFY_API_KEY: `${required.DIFY_API_KEY}\n`,
      PATH: '/',
    };
    expect(parseChatSettings(spaced)).toEqual(parseChatSettings(required));
  });

  it.each([undefined, null, 'text', 7])('finds no settings in %j', async (variables) => {
    expect(await problems(variables)).toHaveLength(2);
  });

  it.each([
    ['https://dify.example', 'https://dify.example/v1'],
    ['https://dify.example/', 'https://dify.example/v1'],
    ['https://dify.example/v1', 'https://dify.example/v1'],
    ['https://dify.example/v1/', 'https://dify.example/v1'],
    ['https://dify.example/v1///', 'https://dify.example/v1'],
    ['https://dify.example///', 'https://dify.example/v1'],
    ['http://localhost:5001', 'http://localhost:5001/v1'],
    ['http://[::1]:5001/v1', 'http://[::1]:5001/v1'],
    ['https://proxy.example/dify', 'https://proxy.example/dify/v1'],
    ['https://proxy.example/dify/v1', 'https://proxy.example/dify/v1'],
    ['https://proxy.example/myv1', 'https://proxy.example/myv1/v1'],
    ['https://gw.example/messages/v1', 'https://gw.example/messages/v1'],
    ['https://gw.example/conversations/dify', 'https://gw.example/conversations/dify/v1'],
    ['https://gw.example/info/dify', 'https://gw.example/info/dify/v1'],
  ])('reads the address %s as %s', (given, url) => {
    expect(apiUrl(given)).toBe(url);
  });

  it.each([
    'dify.example',
    'ftp://dify.example',
    'javascript:alert(1)',
    '//dify.example',
    'https://',
    'https://user:password@dify.example',
    'https://user@dify.example',
    'https://dify.example/v1?key=secret',
    'https://dify.example/v1#part',
  ])('rejects the address %s', async (url) => {
    const found = await problems({ ...required, DIFY_API_URL: url });
    expect(found).toEqual([expect.stringMatching(/^DIFY_API_URL must be an (http|address)/u)]);
  });

  it.each([
    ['https://api.dify.ai/v1/chat-messages', 'https://api.dify.ai/v1'],
    ['https://api.dify.ai/v1/chat-messages/', 'https://api.dify.ai/v1'],
    ['https://proxy.example/dify/v1/workflows/run', 'https://proxy.example/dify/v1'],
    ['https://dify.example/chat-messages', 'https://dify.example/v1'],
    ['https://dify.example/v1/messages', 'https://dify.example/v1'],
    ['https://dify.example/api/chat-messages', 'https://dify.example/v1'],
    ['http://localhost/console/api/apps/13f717a8/chat-messages', 'http://localhost/v1'],
    ['https://dify.example/v1/chat-messages/task/stop', 'https://dify.example/v1'],
    ['https://dify.example/v1/messages/{message_id}/feedbacks', 'https://dify.example/v1'],
    ['https://dify.example/v1/conversations/:conversation_id', 'https://dify.example/v1'],
    ['https://dify.example/v1/conversations/3e7f234e-92f2-43c6-8e4f-d46e01425317', 'https://dify.example/v1'],
  ])('rejects the endpoint %s, and gives the address %s', async (url, address) => {
    expect(await problems({ ...required, DIFY_API_URL: url })).toEqual([
      `DIFY_API_URL must not end with an endpoint. Set it to ${address}`,
    ]);
    expect(apiUrl(address)).toBe(address);
  });

  it.each(['app key', 'app-ключ', 'app\r\nX-Evil: 1', 'app-\u0000'])('rejects the key %j', async (key) => {
    expect(await problems({ ...required, DIFY_API_KEY: key })).toHaveLength(1);
  });

  it.each([
    ['true', true],
    ['1', true],
    ['yes', true],
    ['false', false],
    ['FALSE', false],
    ['0', false],
    ['no', false],
  ])('reads the switch %s as %s', (text, isOn) => {
    expect(parseChatSettings({ ...required, CHAT_EXPOSE_PROMPT: text }).turns.exposePrompt).toBe(isOn);
  });

  it.each(['*', 'null', 'https://app.example', 'HTTP://localhost:8080,capacitor://localhost , *'])(
    'accepts %s as web origins',
    (text) => {
      const { origins } = parseChatSettings({ ...required, CHAT_WS_ORIGINS: text }).sockets;
      expect(origins).toEqual(text.split(',').map((one) => one.trim()));
    },
  );

  it.each(['app.example', 'https://app.example/path', 'https://a.example,,https://b.example', 'https://'])(
    'rejects %s as web origins',
    async (text) => {
      expect(await problems({ ...required, CHAT_WS_ORIGINS: text })).toEqual([
        expect.stringContaining('CHAT_WS_ORIGINS must be web origins'),
      ]);
    },
  );

  it.each(['NaN', 'Infinity', '1e999', '10s', '10,5'])('rejects %s as a number of seconds', async (text) => {
    expect(await problems({ ...required, CHAT_HEARTBEAT_SECONDS: text })).toEqual([
      expect.stringContaining('CHAT_HEARTBEAT_SECONDS must be a number of seconds'),
    ]);
  });
});

/** Returns other values than those of `others` for the variables that this one needs. */
function neighboursOf(name: string): Record<string, string> {
  if (name === 'CHAT_UPSTREAM') return { OPENAI_BASE_URL: 'http://localhost/v1', OPENAI_MODEL: 'tiny' };
  if (!name.startsWith('DIFY_CONSOLE')) return {};
  return {
    DIFY_CONSOLE_URL: 'http://localhost',
    DIFY_CONSOLE_EMAIL: 'ann@example.org',
    DIFY_CONSOLE_PASSWORD: 'secret',
  };
}

describe('settingNames', () => {
  it('contains exactly the known variables', () => {
    expect([...settingNames].sort()).toEqual(Object.keys(others).sort());
  });

  it('contains only variables that change the settings', () => {
    for (const name of settingNames) {
      const usual = parseChatSettings({ ...required, ...neighboursOf(name) });
      const changed = parseChatSettings({ ...required, ...neighboursOf(name), [name]: others[name] });
      expect({ name, isChanged: !isSame(changed, usual) }).toEqual({ name, isChanged: true });
    }
  });

  it('contains exactly the variables that the configuration reads', () => {
    const env = Object.assign((name: string) => `value of ${name}`, {}) as unknown as Parameters<
      typeof readConfig
    >[0]['env'];
    expect(readConfig({ env })).toEqual(
      Object.fromEntries(settingNames.map((name) => [name, `value of ${name}`])),
    );
  });
});

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
