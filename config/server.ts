import type { Core } from '@strapi/strapi';
import { z } from 'zod';

import { count, flag, readVariables, text } from '../src/env/variables';
import { upgradeOptions } from '../src/websocket/upgrade';

const webAddress = z
  .string()
  .regex(
    /^https?:\/\/[^\s/?#@]+$/iu,
    'must be the address of the server without a path, e.g. https://chat.example.com',
  );

const proxyCount = z.coerce
  .number('must be a whole number')
  .int('must be a whole number')
  .min(0, 'must be at least 0')
  .max(10, 'can be at most 10')
  .optional();

/**
 * How long an idle connection stays open. Proxies keep theirs for a minute. If the server closes one first, the proxy can
 * send a request on it at the same moment, and the request fails.
 */
const keepAliveMs = 65_000;

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Server => {
  const variables = readVariables(env, {
    HOST: text('0.0.0.0'),
    // 0 selects any free port.
    PORT: count(1337, 65_535, 0),
    WEBHOOKS_POPULATE_RELATIONS: flag(false),
    PUBLIC_URL: webAddress.optional(),
    IS_PROXIED: flag(false),
    TRUSTED_PROXIES: proxyCount,
    STARTUP_BANNER: flag(true),
    MCP_ENABLED: flag(false),
  });
  const proxies = variables.TRUSTED_PROXIES ?? (variables.IS_PROXIED ? 1 : 0);
  return {
    host: variables.HOST,
    port: variables.PORT,
    ...(variables.PUBLIC_URL !== undefined && { url: variables.PUBLIC_URL }),
    http: { serverOptions: { ...upgradeOptions, keepAliveTimeout: keepAliveMs } },
    app: { keys: env.array('APP_KEYS', []) },
    // Without a salt, Strapi would disable transfers with a warning of several lines.
    transfer: { remote: { enabled: env('TRANSFER_TOKEN_SALT', '') !== '' } },
    webhooks: { populateRelations: variables.WEBHOOKS_POPULATE_RELATIONS },
    // Each proxy appends the address that called it. So the client's address is at this position from the right.
    // The client itself sent all entries before it. Without a proxy, the server ignores the header.
    proxy: { koa: proxies > 0, maxIpsCount: proxies },
    mcp: { enabled: variables.MCP_ENABLED },
    logger: { updates: { enabled: false }, startup: { enabled: variables.STARTUP_BANNER } },
  };
};

export default config;
