import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Imports point one way: doors → chat/index → turns, sessions → stores, dify → sse, errors. */
const only = (files, forbidden, message, ignores = []) => ({
  files,
  ignores,
  rules: {
    '@typescript-eslint/no-restricted-imports': ['error', { patterns: [{ regex: forbidden, message }] }],
  },
});

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'node_modules/',
      '.tmp/',
      '.cache/',
      'public/',
      'types/generated/',
      '.strapi/',
      'src/admin/',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.mjs', 'jest.config.mjs', 'server.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/require-await': 'off',
      // Takes the row types we put on knex's builders for superfluous.
      '@typescript-eslint/no-unnecessary-type-assertion': 'off',
      // Our objects are closures: nothing is bound to `this`.
      '@typescript-eslint/unbound-method': 'off',
      // A factory counts with all the functions it closes over; each of those is to fit a screen.
      'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  only(
    ['src/chat/**/*.ts'],
    '^(@strapi/|koa$|knex$|ws$|\\.\\./(\\.\\./)*(api|middlewares|stores|bootstrap|websocket|history-store|compose|owner-of))',
    'The core knows no framework and none of its doors.',
  ),
  only(
    ['src/chat/sse/**/*.ts'],
    '^(\\.\\.|@strapi/|koa$)',
    'sse/ is the protocol and imports nothing of ours.',
  ),
  only(
    ['src/chat/dify/**/*.ts'],
    '^(@strapi/|koa$|\\.\\./(?!errors$|loop-end$|sse/|storable-text$|turn-event$))',
    'dify/ knows errors, sse/, the end of the loop and the words of a turn, nothing above it.',
  ),
  only(
    ['src/**/*.ts'],
    '^ws$|/chat/|/websocket/(?!door$)|/history-store/(?!(open|in-thread)$)',
    'WebSocket is what src/websocket is for, and door.ts its way in. Outside the core, import from chat/index.',
    ['src/chat/**', 'src/websocket/**'],
  ),
  only(
    ['src/websocket/**/*.ts'],
    '^(koa$|knex$|\\.\\./(api|middlewares|bootstrap|extensions))|/chat/',
    'This door knows the core by chat/index, the stores, and no other door.',
  ),
  {
    files: ['src/history-store/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex:
                '^(@strapi/|koa$|ws$|\\.\\./(?!(threads/\\w+|chat(/storable-text|/history/history-problem)?)$))',
              message:
                'The store of the history knows types by chat/index, two leaves of the core, threads, and knex.',
            },
            {
              regex: '^\\.\\./chat$',
              allowTypeImports: true,
              message: 'The thread of SQLite would load the whole core, and be larger by megabytes.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['src/chat/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'Settings come in as arguments.' },
        'fetch',
      ],
    },
  },
  {
    files: ['tests/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      // What a reply holds is what each test says it holds.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['server.js'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { __dirname: 'readonly', console: 'readonly', process: 'readonly', require: 'readonly' },
    },
    rules: { 'no-console': 'off', '@typescript-eslint/no-require-imports': 'off' },
  },
  { files: ['scripts/**/*.ts', 'tests/dify-emulator/main.ts'], rules: { 'no-console': 'off' } },
  { files: ['*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    // Applications of others, in the language of Strapi's own documentation.
    files: ['bench/peers/*/**/*.js'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { module: 'readonly', require: 'readonly', process: 'readonly' },
      parserOptions: { projectService: false, project: false, program: null },
    },
    rules: {
      ...tseslint.configs.disableTypeChecked.rules,
      '@typescript-eslint/no-require-imports': 'off',
    },
  },
);
