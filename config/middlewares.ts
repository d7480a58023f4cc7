import type { Core } from '@strapi/strapi';

import { origins, readVariables, size } from '../src/env/variables';

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Middlewares => {
  const variables = readVariables(env, { CORS_ORIGINS: origins, BODY_LIMIT: size.default('1mb') });
  return [
    'global::unread-bodies',
    'global::request-log',
    'global::stalled-readers',
    'global::session-envelope',
    'strapi::errors',
    'global::chat-errors',
    'strapi::security',
    {
      name: 'strapi::cors',
      config: {
        origin: variables.CORS_ORIGINS,
        // Allow cookies only for named origins. Accepting cookies from any origin would allow request forgery.
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
    // `global::multipart` reads multipart bodies on the routes that name it.
    { name: 'strapi::body', config: { jsonLimit: variables.BODY_LIMIT, multipart: false } },
    'strapi::session',
    'strapi::favicon',
    'global::landing-page',
    'global::paths-without-api',
    'global::refuse-multipart',
    'strapi::public',
  ];
};

export default config;
