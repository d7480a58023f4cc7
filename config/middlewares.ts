import type { Core } from '@strapi/strapi';
import { z } from 'zod';

import { origins, readVariables } from '../src/chat/variables';

/** What Strapi cannot read as a size, it takes for no limit. */
const size = z
  .string()
  .regex(
    /^(?:[1-9]\d{0,8}b?|[1-9]\d{0,5}kb|[1-9]\d{0,2}mb)$/iu,
    'has to be a whole number of b, kb or mb, at most 999mb, e.g. 512kb',
  );

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Middlewares => {
  const variables = readVariables(env, { CORS_ORIGINS: origins, BODY_LIMIT: size.default('1mb') });
  return [
    'global::request-log',
    'global::session-envelope',
    'strapi::errors',
    'global::chat-errors',
    'strapi::security',
    {
      name: 'strapi::cors',
      config: {
        origin: variables.CORS_ORIGINS,
        // Cookies only for origins somebody has named: to reflect any origin and accept its cookies invites forgery.
        credentials: !variables.CORS_ORIGINS.some((origin) => origin.includes('*')),
        headers: [
          'Content-Type',
          'Authorization',
          'Accept',
          'Last-Event-ID',
          'Idempotency-Key',
          'x-strapi-refresh-cookie',
        ],
        expose: [
          'Retry-After',
          'Idempotent-Replayed',
          'X-RateLimit-Limit',
          'X-RateLimit-Remaining',
          'X-RateLimit-Reset',
        ],
      },
    },
    'strapi::query',
    { name: 'strapi::body', config: { jsonLimit: variables.BODY_LIMIT } },
    'strapi::session',
    'strapi::favicon',
    'global::landing-page',
    'global::paths-without-api',
    'strapi::public',
  ];
};

export default config;
