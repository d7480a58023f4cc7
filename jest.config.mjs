import process from 'node:process';

/**
 * The core alone, then the application over HTTP: the same tests on SQLite and on PostgreSQL. And the store of the history,
 * on these and on MariaDB.
 */
const common = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.tmp/', '<rootDir>/.cache/'],
};

/**
 * Test files of the application that are about HTTP, WebSockets or Dify, and not about SQL, and those that run Strapi's
 * slow commands. `npm run check` runs them on SQLite only, `npm run check:full` on PostgreSQL too.
 */
const onSqliteOnly = [
  'app/account-mails',
  'app/across-doors',
  'app/attempts',
  'app/character-imports',
  'app/chat-reading',
  'app/conversation-api-spec',
  'app/create-message',
  'app/disconnect',
  'app/ended-by-import',
  'app/ended-logins',
  'app/ended-streams',
  'app/examples',
  'app/faults',
  'app/history-doors',
  'app/hostile-input',
  'app/import',
  'app/limits',
  'app/permissions',
  'app/registration',
  'app/remembered-characters',
  'app/session-api-spec',
  'app/stalled-readers',
  'app/start',
  'app/turn-access',
  'app/uploads',
  'app/websocket',
  'app/websocket-bounds',
  'app/write-limits',
  'faults/bursts',
  'faults/connections',
  'faults/stalled-readers',
  'faults/uploads',
  'faults/websockets',
];
const isFull = process.env['FAULTS'] === 'full';

const application = {
  ...common,
  testMatch: [
    '<rootDir>/tests/app/**/*.test.ts',
    '<rootDir>/tests/faults/*.test.ts',
    '<rootDir>/tests/upgrade/*.test.ts',
  ],
};

export default {
  // A file boots a whole Strapi; two cores run two of them.
  maxWorkers: 2,
  testTimeout: 60_000,
  projects: [
    {
      ...common,
      displayName: 'core',
      testMatch: ['<rootDir>/tests/**/*.test.ts'],
      testPathIgnorePatterns: [
        '<rootDir>/tests/app/',
        '<rootDir>/tests/faults/[^/]+$',
        '<rootDir>/tests/history/store/',
        '<rootDir>/tests/upgrade/',
      ],
    },
    {
      ...application,
      displayName: 'sqlite',
      globals: { database: 'sqlite' },
      globalSetup: '<rootDir>/tests/support/start-sqlite.ts',
      globalTeardown: '<rootDir>/tests/support/stop-sqlite.ts',
    },
    {
      ...application,
      displayName: 'postgres',
      globals: { database: 'postgres' },
      testPathIgnorePatterns: isFull
        ? []
        : onSqliteOnly.map((file) => `<rootDir>/tests/${file}\\.test\\.ts$`),
      globalSetup: '<rootDir>/tests/support/start-postgres-template.ts',
      globalTeardown: '<rootDir>/tests/support/stop-postgres.ts',
    },
    {
      ...common,
      displayName: 'history',
      testMatch: ['<rootDir>/tests/history/store/**/*.test.ts'],
      globalSetup: '<rootDir>/tests/support/start-history-servers.ts',
      globalTeardown: '<rootDir>/tests/support/stop-history-servers.ts',
    },
  ],
};
