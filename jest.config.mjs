import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import { temporaryFolder } from './tests/support/temporary-folder.mjs';

const cacheDirectory = path.join(tmpdir(), 'jest-of-character-chat');
// The workers take it from here.
process.env['TMPDIR'] = temporaryFolder();

/**
 * The core alone, then the application over HTTP: the same tests on SQLite and on PostgreSQL. And the store of the history,
 * on these and on MariaDB.
 */
const common = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  cacheDirectory,
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  modulePathIgnorePatterns: [
    '<rootDir>/dist/',
    '<rootDir>/dist-plugin/',
    '<rootDir>/.tmp/',
    '<rootDir>/.cache/',
  ],
};

/**
 * Test files of the application that are about SQL, locks or the loss of a database. `npm run check` runs them on both
 * databases, and all others on SQLite only. `npm run check:full` runs everything on both.
 */
const onBoth = [
  'app/character-locales',
  'app/character-versions',
  'app/database-outage',
  'app/history-source',
  'app/isolation',
  'app/killed-process',
  'app/my-list',
  'app/own-data',
  'app/personal-tokens',
  'app/postgres-lock',
  'app/reader',
  'app/redis-nodes',
  'app/search',
  'app/session-races',
  'app/starting-together',
  'app/statements',
  'app/turn-store',
  'app/user-counters',
  'app/workplace-conversations',
  'app/workplace-statements',
  'faults/nodes',
  'faults/outages',
  'faults/processes',
  'upgrade/upgrade',
];
/** Test files that run Strapi's slow commands or old databases again and again. Only `npm run check:full` runs them. */
const onlyFull = ['app/account-upgrade', 'app/character-imports', 'app/ended-by-import'];
const isFull = process.env['FAULTS'] === 'full';

const toPaths = (files) => files.map((file) => `<rootDir>/tests/${file}.test.ts`);

/**
 * Test files of the documented contracts. They also run in a project of somebody else, in which the plugin is.
 * `npm run check` runs the first one there.
 */
const inHosts = [
  'app/create-message',
  'app/ai-characters',
  'app/assistant',
  'app/character-cards',
  'app/chat-reading',
  'app/conversation-api',
  'app/dify-api',
  'app/history',
  'app/my-list',
  'app/personal-tokens',
  'app/session-api',
  'app/websocket',
];

const host = {
  ...common,
  testMatch: [...toPaths(isFull ? inHosts : inHosts.slice(0, 1)), '<rootDir>/tests/hosts/**/*.test.ts'],
};

const hostOnPostgres = {
  ...host,
  displayName: 'host-postgres',
  globals: { database: 'postgres', inHost: true },
  globalSetup: '<rootDir>/tests/support/start-hosts-on-postgres.ts',
  globalTeardown: '<rootDir>/tests/support/stop-hosts.ts',
};

const application = {
  ...common,
  testMatch: [
    '<rootDir>/tests/app/**/*.test.ts',
    '<rootDir>/tests/clients/*.test.ts',
    '<rootDir>/tests/faults/*.test.ts',
    '<rootDir>/tests/upgrade/*.test.ts',
  ],
  testPathIgnorePatterns: isFull ? [] : toPaths(onlyFull),
};

export default {
  // A file waits for a seventh of its time, so three of them keep two cores busy.
  maxWorkers: 3,
  testTimeout: 60_000,
  testSequencer: '<rootDir>/tests/support/test-order.mjs',
  projects: [
    {
      ...common,
      displayName: 'core',
      // Jest cannot load the module that the package names.
      moduleNameMapper: { '^marked$': '<rootDir>/node_modules/marked/lib/marked.umd.js' },
      testMatch: ['<rootDir>/tests/**/*.test.ts'],
      testPathIgnorePatterns: [
        '<rootDir>/tests/app/',
        '<rootDir>/tests/browser/',
        '<rootDir>/tests/clients/[^/]+$',
        '<rootDir>/tests/faults/[^/]+$',
        '<rootDir>/tests/history/store/',
        '<rootDir>/tests/hosts/',
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
      ...(!isFull && { testMatch: toPaths(onBoth) }),
      globalSetup: '<rootDir>/tests/support/start-postgres-template.ts',
      globalTeardown: '<rootDir>/tests/support/stop-postgres.ts',
    },
    {
      ...common,
      displayName: 'browser',
      testMatch: ['<rootDir>/tests/browser/**/*.test.ts'],
      globals: { database: 'sqlite' },
      globalSetup: '<rootDir>/tests/browser/support/start-browser.ts',
      globalTeardown: '<rootDir>/tests/support/stop-sqlite.ts',
    },
    {
      ...host,
      displayName: 'host',
      globals: { database: 'sqlite', inHost: true },
      globalSetup: '<rootDir>/tests/support/start-hosts.ts',
      globalTeardown: '<rootDir>/tests/support/stop-hosts.ts',
    },
    ...(isFull ? [hostOnPostgres] : []),
    {
      ...common,
      displayName: 'history',
      testMatch: ['<rootDir>/tests/history/store/**/*.test.ts'],
      globalSetup: '<rootDir>/tests/support/start-history-servers.ts',
      globalTeardown: '<rootDir>/tests/support/stop-history-servers.ts',
    },
  ],
};
