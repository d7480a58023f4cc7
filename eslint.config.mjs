import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Files of a folder may not import what `forbidden` matches. */
const only = (folder, forbidden, message, ignores = []) => ({
  files: [folder],
  ignores,
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      { patterns: forbidden.map((regex) => ({ regex, message })) },
    ],
  },
});
const folders = (...names) => `^(\\.\\./)+(${names.join('|')})(/|$)`;

const frameworks = '^(@strapi/|koa$|knex$|axios$|better-sqlite3$|pg$)';
const sockets = '^ws$';
const entries = ['index', 'plugin'];
const doors = ['strapi', 'api', 'extensions', 'middlewares', 'websocket'];
const aboveParts = [...entries, ...doors, 'http', 'app'];
/** The chat has one way in, but for those who implement its ports. */
const insideChat = '/chat/';

/** Imports point one way: see docs/decisions/0008. */
const directions = [
  only('src/env/**/*.ts', [frameworks, sockets, folders('\\w+')], 'env/ knows nothing of ours.'),
  only(
    'src/chat/**/*.ts',
    [frameworks, sockets, folders(...aboveParts, 'upstream', 'database', 'history')],
    'The chat knows no framework, and others only by its ports.',
  ),
  only(
    'src/chat/shared/**/*.ts',
    [frameworks, sockets, '^\\.\\./(?!errors$)'],
    'shared/ holds leaves that know no word of the chat.',
  ),
  ...[
    ['model', 'ports', 'contract', 'limits', 'file', 'stream', 'turn', 'session', 'message'],
    ['ports', 'contract', 'limits', 'file', 'stream', 'turn', 'session', 'message'],
    ['contract', 'limits', 'file', 'stream', 'turn', 'session', 'message'],
    ['limits', 'file', 'stream', 'turn', 'session', 'message'],
    ['stream', 'limits', 'file', 'turn', 'session', 'message'],
    ['file', 'stream', 'turn', 'session', 'message'],
    ['turn', 'trial', 'session', 'message'],
    ['trial', 'session', 'message'],
    ['session', 'message'],
  ].map(([folder, ...above]) =>
    only(
      `src/chat/${folder}/**/*.ts`,
      [frameworks, sockets, folders(...aboveParts, 'upstream', 'database', 'history', ...above)],
      `chat/${folder} is below ${above.join(', ')}.`,
    ),
  ),
  only(
    'src/chat/contract/*/*.ts',
    [
      frameworks,
      sockets,
      folders(...aboveParts, 'upstream', 'database', 'history'),
      folders('limits', 'stream', 'turn', 'session', 'message'),
      // One level up is contract/file.
      '^(\\.\\./){2,}file(/|$)',
    ],
    'chat/contract is below limits, file, stream, turn, session, message.',
  ),
  only(
    'src/history/**/*.ts',
    [
      '^(@strapi/|koa$|axios$)',
      sockets,
      folders(...aboveParts, 'upstream', 'database'),
      '/chat(/(?!(errors|model|ports|contract|shared)(/|$))|$)',
    ],
    'The history knows no framework, and the chat by its model, ports and leaves.',
  ),
  only(
    'src/history/store/**/*.ts',
    [
      '^(@strapi/|koa$|axios$)',
      sockets,
      folders(...aboveParts, 'upstream'),
      '/chat(/(?!shared/)|$)|/database/|/(reading|copying|records)/|^(\\.\\./)+index$',
    ],
    'The thread of the store loads this: of the chat only shared/, or it would be larger by megabytes.',
  ),
  only(
    'src/upstream/*.ts',
    ['^(@strapi/|koa$|knex$)', sockets, folders(...aboveParts, 'database', 'history')],
    'An upstream implements chat/ports/upstream.',
  ),
  only(
    'src/upstream/*/**/*.ts',
    [
      '^(@strapi/|koa$|knex$)',
      sockets,
      folders(...aboveParts.filter((name) => name !== 'http'), 'database', 'history'),
      // One level up is upstream/http, which the upstreams share.
      '^(\\.\\./){2,}http(/|$)',
    ],
    'An upstream implements chat/ports/upstream.',
  ),
  only(
    'src/database/**/*.ts',
    ['^(koa$|axios$)', sockets, folders(...aboveParts, 'upstream'), insideChat],
    'database/ implements the ports of chat and history, by their index.',
  ),
  only(
    'src/database/redis/**/*.ts',
    [
      '^(@strapi/|koa$|knex$|axios$)',
      sockets,
      folders(...aboveParts, 'upstream', 'database', 'history'),
      insideChat,
    ],
    'database/redis/ implements ports of the chat, by its index.',
  ),
  only(
    'src/http/**/*.ts',
    ['^(knex$|axios$)', sockets, folders(...entries, ...doors, 'upstream', 'database'), insideChat],
    'http/ is what controllers share.',
  ),
  only(
    'src/{api,middlewares,extensions,strapi}/**/*.ts',
    ['^axios$', sockets, folders(...entries), insideChat],
    'Outside of the chat, import from chat/index.',
  ),
  only(
    'src/{api,middlewares}/**/*.ts',
    ['^(axios$|knex$)', sockets, folders(...entries), insideChat],
    'Controllers run no SQL.',
  ),
  only(
    'src/websocket/**/*.ts',
    ['^(koa$|knex$|axios$)', folders(...entries, 'api', 'middlewares', 'extensions'), insideChat],
    'The WebSocket knows the chat by chat/index, and no controller.',
  ),
  ...[
    ['platform', 'i18n', 'ui', 'characters', 'conversations', 'messages', 'composer', 'account', 'app'],
    ['i18n', 'ui', 'characters', 'conversations', 'messages', 'composer', 'account', 'app'],
    ['ui', 'characters', 'conversations', 'messages', 'composer', 'account', 'app'],
    ['characters', 'conversations', 'messages', 'composer', 'account', 'app'],
    ['conversations', 'messages', 'composer', 'account', 'app'],
    ['messages', 'composer', 'account', 'app'],
    ['composer', 'account', 'app'],
    ['account', 'app'],
  ].map(([folder, ...above]) =>
    only(
      `web/${folder}/**/*.{ts,tsx}`,
      [folders('src', ...above)],
      `web/${folder} is below ${above.join(', ')}.`,
    ),
  ),
];

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'dist-plugin/',
      'clients/typescript/dist/',
      'clients/typescript/src/openapi.ts',
      'plugin/',
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
        projectService: {
          allowDefaultProject: [
            'eslint.config.mjs',
            'jest.config.mjs',
            'server.js',
            'tests/support/*.mjs',
            'web/vite.config.mts',
          ],
        },
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
  ...directions,
  {
    files: ['src/{chat,history,upstream}/**/*.ts'],
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
  {
    // Node loads it before any TypeScript can run, and it changes internal functions of Node.
    files: ['tests/support/module-cache.js'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { process: 'readonly', require: 'readonly' },
      parserOptions: { projectService: false, project: false, program: null },
    },
    rules: {
      ...tseslint.configs.disableTypeChecked.rules,
      '@typescript-eslint/no-require-imports': 'off',
    },
  },
  { files: ['scripts/**/*.ts', 'tests/dify-emulator/main.ts'], rules: { 'no-console': 'off' } },
  { files: ['**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['clients/examples/*'],
    languageOptions: {
      globals: Object.fromEntries(
        ['console', 'crypto', 'fetch', 'process', 'setTimeout', 'TextDecoderStream'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
    rules: { 'no-console': 'off' },
  },
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
