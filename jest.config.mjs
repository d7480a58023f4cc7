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
    { ...application, displayName: 'sqlite', globals: { database: 'sqlite' } },
    {
      ...application,
      displayName: 'postgres',
      globals: { database: 'postgres' },
      globalSetup: '<rootDir>/tests/support/start-postgres.ts',
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
