import type { Core } from '@strapi/strapi';

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Middlewares => {
  const origins = env('CORS_ORIGINS') ? env.array('CORS_ORIGINS', []) : ['*'];
  return [
    'global::request-log',
    'global::session-envelope',
    'strapi::errors',
    'global::chat-errors',
    'strapi::security',
    {
      name: 'strapi::cors',
      config: {
        origin: origins,
        // Cookies only for origins somebody has named: to reflect any origin and accept its cookies invites forgery.
        credentials: !origins.some((origin) => origin.includes('*')),
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
    { name: 'strapi::body', config: { jsonLimit: env('BODY_LIMIT', '1mb') } },
    'strapi::session',
    'strapi::favicon',
    'global::landing-page',
    'global::paths-without-api',
    'strapi::public',
  ];
};

export default config;
