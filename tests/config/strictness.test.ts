import { env as strapiEnv } from '@strapi/utils';

import readAdmin from '../../config/admin';
import readCards from '../../config/cards';
import readDatabase from '../../config/database';
import readMiddlewares from '../../config/middlewares';
import readPlugins from '../../config/plugins';
import readServer from '../../config/server';

type Variables = Readonly<Record<string, string>>;

const files = {
  admin: readAdmin,
  cards: readCards,
  database: readDatabase,
  middlewares: readMiddlewares,
  plugins: readPlugins,
  server: readServer,
} as const;
type File = keyof typeof files;

const names =
  /^(AUTH|DATABASE|SQL)_|^(PORT|HOST|IS_PROXIED|CORS_ORIGINS|BODY_LIMIT|HTTP_COMPRESSION|CARD_LIMIT)$/u;

/** What a file of the configuration says where the environment says this. */
function read(file: File, variables: Variables): unknown {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (names.test(name)) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return files[file]({ env: strapiEnv } as never);
  } finally {
    process.env = before;
  }
}

describe('a variable of the configuration', () => {
  it.each<[File, string, readonly string[]]>([
    ['plugins', 'AUTH_MAX_ATTEMPTS_PER_MINUTE', ['abc', '0', '-1', '1.5', '1000001']],
    ['plugins', 'AUTH_ACCESS_TOKEN_SECONDS', ['1h', '0', '2592001']],
    ['plugins', 'AUTH_REMEMBER_SECONDS', ['5s', '-1', '3601']],
    ['plugins', 'AUTH_REFRESH_AGAIN_SECONDS', ['10s', '-1', '301']],
    ['server', 'PORT', ['http', '-1', '65536', '80a']],
    ['server', 'IS_PROXIED', ['maybe', '2']],
    ['server', 'STARTUP_BANNER', ['maybe']],
    ['server', 'MCP_ENABLED', ['maybe']],
    ['server', 'WEBHOOKS_POPULATE_RELATIONS', ['maybe']],
    ['admin', 'SERVE_ADMIN_PANEL', ['flase']],
    ['middlewares', 'BODY_LIMIT', ['abc', '0', '1tb', '1000mb', '-1kb']],
    ['middlewares', 'HTTP_COMPRESSION', ['maybe', 'gzip']],
    ['cards', 'CARD_LIMIT', ['abc', '0', '1000mb']],
    ['middlewares', 'CORS_ORIGINS', ['app.example', 'https://app.example/', 'https://app.example,']],
    ['database', 'DATABASE_CLIENT', ['mysql', 'Postgres']],
    ['database', 'DATABASE_SQLITE_SYNCHRONOUS', ['full', 'OFF']],
    ['database', 'DATABASE_SQLITE_BUSY_TIMEOUT_MS', ['0', 'soon']],
    ['database', 'DATABASE_PORT', ['5432a', '0', '65536']],
    ['database', 'DATABASE_SSL', ['require']],
    ['database', 'DATABASE_SSL_REJECT_UNAUTHORIZED', ['maybe']],
    ['database', 'DATABASE_POOL_MIN', ['two', '-1']],
    ['database', 'DATABASE_POOL_MAX', ['ten', '0']],
    ['database', 'DATABASE_CONNECTION_TIMEOUT_MS', ['10s', '0']],
  ])('stops the start where it is out of bounds: %s, %s', (file, name, values) => {
    for (const value of values) {
      expect(() => read(file, { [name]: value })).toThrow(new RegExp(`^ {2}- ${name} \\S.*\\.$`, 'mu'));
    }
    for (const blank of ['', ' ']) {
      expect(JSON.stringify(read(file, { [name]: blank }))).toBe(JSON.stringify(read(file, {})));
    }
  });

  it('is told together with the others of its file', () => {
    expect(() =>
      read('database', { SQL_DSN: 'oracle://secret', DATABASE_SSL: 'maybe', DATABASE_PORT: 'x' }),
    ).toThrow(/ SQL_DSN must be .*\n.* DATABASE_PORT .*\n.* DATABASE_SSL /u);
  });

  it('is true as everywhere else: 1, yes and on count, too', () => {
    for (const yes of ['true', '1', 'TRUE', 'yes', 'on']) {
      expect(read('server', { IS_PROXIED: yes })).toMatchObject({ proxy: { koa: true } });
      expect(read('database', { DATABASE_CLIENT: 'postgres', DATABASE_SSL: yes })).toMatchObject({
        connection: { connection: { ssl: { rejectUnauthorized: true } } },
      });
    }
    expect(read('database', { DATABASE_CLIENT: 'postgres', DATABASE_SSL: '0' })).toMatchObject({
      connection: { connection: { ssl: false } },
    });
  });

  it('reaches its place', () => {
    const auth = {
      AUTH_ACCESS_TOKEN_SECONDS: '60',
      AUTH_REMEMBER_SECONDS: '0',
      AUTH_MAX_ATTEMPTS_PER_MINUTE: '7',
    };
    expect(read('plugins', auth)).toMatchObject({
      'users-permissions': {
        config: { sessions: { accessTokenLifespan: 60 }, cacheLoginsSeconds: 0, ratelimit: { max: 7 } },
      },
    });
    expect(read('middlewares', { BODY_LIMIT: '512kb' })).toContainEqual({
      name: 'global::body',
      config: { maxBytes: 524_288 },
    });
    expect(read('plugins', { UPLOAD_LIMIT: '2mb' })).toMatchObject({
      upload: { config: { sizeLimit: 2 * 1024 * 1024 } },
    });
    expect(read('server', { HOST: '127.0.0.1', PORT: '80' })).toMatchObject({ host: '127.0.0.1', port: 80 });
  });

  it('may be a password with spaces around it', () => {
    const variables = { DATABASE_CLIENT: 'postgres', DATABASE_PASSWORD: ' secret ', DATABASE_POOL_MAX: '1' };

    expect(read('database', variables)).toMatchObject({
      connection: { connection: { password: ' secret ' }, pool: { min: 1, max: 1 } },
    });
  });
});
