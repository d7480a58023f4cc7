import type { Core } from '@strapi/strapi';

import { GuestProblem } from './guest-problem';

/**
 * Checks what the plugin needs of the host.
 * @throws GuestProblem for the first thing that is missing.
 */
export function assertHost(strapi: Pick<Core.Strapi, 'config' | 'plugin'>): void {
  const { config } = strapi;
  const client = config.get<string>('database.connection.client', '');
  if (client !== 'sqlite' && client !== 'postgres') {
    throw new GuestProblem(`The main database is ${client}. The chat needs SQLite or PostgreSQL.`);
  }
  if (strapi.plugin('users-permissions') === undefined) {
    throw new GuestProblem('Install @strapi/plugin-users-permissions. Users of the chat log in with it.');
  }
  const prefix = config.get<string>('api.rest.prefix', '/api');
  if (prefix !== '/api') {
    throw new GuestProblem(`api.rest.prefix is "${prefix}". The paths of the chat need "/api".`);
  }
}

/** Returns whether the host's list of middlewares compresses replies. */
export function compressesReplies({ config }: Pick<Core.Strapi, 'config'>): boolean {
  const middlewares = config.get<readonly (string | { readonly name?: string })[]>('middlewares', []);
  return middlewares.some((one) => (typeof one === 'string' ? one : one.name) === 'strapi::compression');
}

/** Returns what the operator should set in the host's own configuration, although the chat works without it. */
export function findHostWarnings({ config }: Pick<Core.Strapi, 'config'>): string[] {
  const hasSessions = config.get('plugin::users-permissions.jwtManagement') === 'refresh';
  const serverOptions = config.get<object>('server.http.serverOptions', {});
  const handsUpgradesBack = 'shouldUpgradeCallback' in serverOptions;
  const isPostgres = config.get('database.connection.client') === 'postgres';
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [
    ...(hasSessions
      ? []
      : [
          'users-permissions does not run in refresh mode, so a login ends only with its token or its account. ' +
            "Set jwtManagement to 'refresh' in config/plugins.",
        ]),
    ...(handsUpgradesBack || Number(process.versions.node.split('.')[0]) < 26
      ? []
      : [
          'The server treats each request with an Upgrade header as a WebSocket. Set http.serverOptions in ' +
            'config/server to the upgradeOptions of strapi-plugin-character-chat/upgrade.',
        ]),
    ...(!isPostgres || timeZone === 'UTC' || timeZone === 'Etc/UTC'
      ? []
      : [
          `This process runs in the time zone ${timeZone}, in which PostgreSQL stores its dates. ` +
            'All processes must use the same one. Set TZ=UTC for a new database.',
        ]),
  ];
}
