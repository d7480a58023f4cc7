/** The files of a project as `create-strapi-app` 5.54 generates it, with a content type of its own. */

export type Language = 'typescript' | 'javascript';

const strapiTypes = `import type { Core } from '@strapi/strapi';\n`;

/** Configurations by the name of their file. Each text is the returned object. */
const configs: Readonly<Record<string, string>> = {
  admin: `({
  auth: { secret: env('ADMIN_JWT_SECRET') },
  apiToken: { salt: env('API_TOKEN_SALT') },
  transfer: { token: { salt: env('TRANSFER_TOKEN_SALT') } },
  secrets: { encryptionKey: env('ENCRYPTION_KEY') },
  serveAdminPanel: false,
  flags: {
    nps: env.bool('FLAG_NPS', true),
    promoteEE: env.bool('FLAG_PROMOTE_EE', true),
    docLinks: env.bool('FLAG_DOC_LINKS', true),
  },
})`,
  api: `({
  rest: { defaultLimit: 25, maxLimit: 100, withCount: true, strictParams: true },
  documents: { strictParams: true, strictRelations: true },
})`,
  middlewares: `[
  'strapi::logger',
  'strapi::errors',
  'strapi::security',
  'strapi::cors',
  'strapi::poweredBy',
  'strapi::query',
  'strapi::body',
  'strapi::session',
  'strapi::favicon',
  'strapi::public',
]`,
  server: `({
  host: env('HOST', '0.0.0.0'),
  port: env.int('PORT', 1337),
  app: { keys: env.array('APP_KEYS') },
  webhooks: { populateRelations: env.bool('WEBHOOKS_POPULATE_RELATIONS', false) },
  logger: { startup: { enabled: false }, updates: { enabled: false } },
})`,
};

/** The database as generated: no pragmas for SQLite, no time zone. */
const database = (folders: string) => `({
  connection: {
    ...(env('DATABASE_CLIENT', 'sqlite') === 'postgres'
      ? {
          client: 'postgres',
          connection: {
            connectionString: env('DATABASE_URL'),
            host: env('DATABASE_HOST', 'localhost'),
            port: env.int('DATABASE_PORT', 5432),
            database: env('DATABASE_NAME', 'strapi'),
            user: env('DATABASE_USERNAME', 'strapi'),
            password: env('DATABASE_PASSWORD', 'strapi'),
            ssl: false,
            schema: env('DATABASE_SCHEMA', 'public'),
          },
          pool: { min: env.int('DATABASE_POOL_MIN', 2), max: env.int('DATABASE_POOL_MAX', 10) },
        }
      : {
          client: 'sqlite',
          connection: { filename: path.join(__dirname, ${folders}, env('DATABASE_FILENAME', '.tmp/data.db')) },
          useNullAsDefault: true,
        }),
    acquireConnectionTimeout: env.int('DATABASE_CONNECTION_TIMEOUT', 60000),
  },
})`;

const article = {
  kind: 'collectionType',
  collectionName: 'articles',
  info: { singularName: 'article', pluralName: 'articles', displayName: 'Article' },
  options: { draftAndPublish: true },
  pluginOptions: { i18n: { localized: true } },
  attributes: {
    title: { type: 'string', required: true, pluginOptions: { i18n: { localized: true } } },
    body: { type: 'text', pluginOptions: { i18n: { localized: true } } },
  },
};

export interface HostOptions {
  readonly language: Language;
  /** The other plugins of `config/plugins` as source text, e.g. `'character-chat': { enabled: false }`. */
  readonly plugins?: string;
  /** Whether users-permissions is named after those plugins. Plugins bootstrap in this order. */
  readonly isUsersPermissionsLast?: boolean;
  /** More files, by their path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Returns the texts of all files by their path, without `package.json`. */
export function hostFiles(options: HostOptions): Readonly<Record<string, string>> {
  const { language, plugins = '', isUsersPermissionsLast = false, files = {} } = options;
  const isTypeScript = language === 'typescript';
  const extension = isTypeScript ? 'ts' : 'js';
  // Tests talk plain HTTP, over which a browser gets no secure cookie.
  const usersPermissions = `'users-permissions': {
    config: { jwtManagement: 'refresh', sessions: { httpOnly: false }, ratelimit: { enabled: false } },
  },`;
  const inOrder = isUsersPermissionsLast ? [plugins, usersPermissions] : [usersPermissions, plugins];
  const all = {
    ...configs,
    database: database(isTypeScript ? `'..', '..'` : `'..'`),
    plugins: `({\n  ${inOrder.join('\n  ')}\n})`,
  };
  const configFiles = Object.entries(all).map(([name, body]) => [
    `config/${name}.${extension}`,
    toConfig(body, isTypeScript),
  ]);
  const factory = (kind: string) =>
    isTypeScript
      ? `import { factories } from '@strapi/strapi';\n\nexport default factories.createCore${kind}('api::article.article' as never);\n`
      : `const { factories } = require('@strapi/strapi');\n\nmodule.exports = factories.createCore${kind}('api::article.article');\n`;
  return {
    ...(Object.fromEntries(configFiles) as Record<string, string>),
    [`src/index.${extension}`]: isTypeScript
      ? 'export default { register() {}, bootstrap() {} };\n'
      : 'module.exports = { register() {}, bootstrap() {} };\n',
    'src/api/article/content-types/article/schema.json': JSON.stringify(article, null, 2),
    [`src/api/article/routes/article.${extension}`]: factory('Router'),
    [`src/api/article/controllers/article.${extension}`]: factory('Controller'),
    [`src/api/article/services/article.${extension}`]: factory('Service'),
    'public/robots.txt': 'User-Agent: *\n',
    'public/uploads/.gitkeep': '',
    'database/migrations/.gitkeep': '',
    ...(isTypeScript && { 'tsconfig.json': JSON.stringify(tsconfig, null, 2) }),
    ...files,
  };
}

function toConfig(body: string, isTypeScript: boolean): string {
  const withEnv = body.startsWith('[') ? body : `({ env }) => ${body}`;
  return isTypeScript
    ? `${strapiTypes}import path from 'path';\n\nconst config = ${withEnv.replace('({ env })', '({ env }: Core.Config.Shared.ConfigParams)')};\n\nexport default config;\n`
    : `const path = require('path');\n\nmodule.exports = ${withEnv};\n`;
}

/** The compiler options as generated. */
const tsconfig = {
  compilerOptions: {
    module: 'CommonJS',
    moduleResolution: 'Node',
    lib: ['ES2020'],
    target: 'ES2019',
    strict: true,
    skipLibCheck: true,
    forceConsistentCasingInFileNames: true,
    incremental: true,
    esModuleInterop: true,
    resolveJsonModule: true,
    noEmitOnError: true,
    noImplicitThis: true,
    outDir: 'dist',
    rootDir: '.',
  },
  include: ['./', './**/*.ts', './**/*.js', 'src/**/*.json'],
  exclude: [
    'node_modules/',
    'build/',
    'dist/',
    '.cache/',
    '.tmp/',
    '.strapi/',
    'src/admin/',
    '**/*.test.*',
    'src/plugins/**',
  ],
};
