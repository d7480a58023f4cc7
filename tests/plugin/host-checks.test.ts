import { assertHost, compressesReplies, findHostWarnings } from '../../src/plugin/host-checks';

type Values = Readonly<Record<string, unknown>>;
type Strapi = Parameters<typeof assertHost>[0];

/** Imitates the configuration and the plugins of a host. */
function hostOf(values: Values, plugins: Values = { 'users-permissions': {} }): Strapi {
  const config = { get: (path: string, fallback?: unknown) => values[path] ?? fallback };
  return { config, plugin: (name: string) => plugins[name] } as unknown as Strapi;
}

const sqlite = { 'database.connection.client': 'sqlite' };
const refresh = { 'plugin::users-permissions.jwtManagement': 'refresh' };

describe('the checks of a host', () => {
  it.each([
    ['a MySQL database', { 'database.connection.client': 'mysql' }, undefined, /The main database is mysql/u],
    ['no users-permissions', sqlite, {}, /Install @strapi\/plugin-users-permissions/u],
    [
      'another prefix of the API',
      { ...sqlite, 'api.rest.prefix': '/rest' },
      undefined,
      /api\.rest\.prefix is "\/rest"/u,
    ],
  ])('refuse %s with one sentence', (_what, values, plugins, sentence) => {
    expect(() => assertHost(hostOf(values, plugins))).toThrow(sentence);
  });

  it('accept SQLite and PostgreSQL', () => {
    for (const client of ['sqlite', 'postgres']) {
      expect(() => assertHost(hostOf({ 'database.connection.client': client }))).not.toThrow();
    }
  });

  it('warn of logins without sessions', () => {
    expect(findHostWarnings(hostOf(sqlite))).toEqual([expect.stringContaining('refresh mode')]);
    expect(findHostWarnings(hostOf({ ...sqlite, ...refresh }))).toEqual([]);
  });
});

describe('compressesReplies', () => {
  it.each([
    [true, ['strapi::errors', 'strapi::compression']],
    [true, [{ name: 'strapi::compression', config: { br: false } }]],
    [false, ['strapi::errors', { name: 'strapi::cors' }, { resolve: './src/middlewares/own' }]],
    [false, undefined],
  ])('returns %s for the middlewares %j', (expected, middlewares) => {
    expect(compressesReplies(hostOf({ middlewares }))).toBe(expected);
  });
});
