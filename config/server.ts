import type { Core } from '@strapi/strapi';

import { count, flag, readVariables, text } from '../src/chat/variables';
import { upgradeOptions } from '../src/websocket/upgrade';

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Server => {
  const variables = readVariables(env, {
    HOST: text('0.0.0.0'),
    // 0: any that is free.
    PORT: count(1337, 65_535, 0),
    WEBHOOKS_POPULATE_RELATIONS: flag(false),
    IS_PROXIED: flag(false),
    STARTUP_BANNER: flag(true),
  });
  return {
    host: variables.HOST,
    port: variables.PORT,
    http: { serverOptions: upgradeOptions },
    app: { keys: env.array('APP_KEYS', []) },
    webhooks: { populateRelations: variables.WEBHOOKS_POPULATE_RELATIONS },
    // Behind a proxy, the client's address is the one the proxy names; on its own, nobody's header is believed.
    proxy: { koa: variables.IS_PROXIED },
    logger: { updates: { enabled: false }, startup: { enabled: variables.STARTUP_BANNER } },
  };
};

export default config;
