import type { Core } from '@strapi/strapi';

import { flag, origins, readVariables, size, toBytes } from '../src/env/variables';

/** The headers that OpenAI's package sends from a browser. */
const openaiHeaders = [
  ...[
    'arch',
    'async',
    'custom-poll-interval',
    'helper-method',
    'lang',
    'os',
    'package-version',
    'poll-helper',
  ],
  ...['retry-count', 'runtime', 'runtime-version', 'timeout'],
].map((name) => `x-stainless-${name}`);

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Middlewares => {
  const variables = readVariables(env, {
    CORS_ORIGINS: origins,
    HTTP_COMPRESSION: flag(true),
    BODY_LIMIT: size.default('1mb').transform(toBytes),
  });
  return [
    'global::close-while-draining',
    'global::unread-bodies',
    'global::request-log',
    'global::stalled-readers',
    'global::error-shapes',
    'strapi::errors',
    'global::chat-errors',
    { name: 'global::json-replies', config: { compresses: variables.HTTP_COMPRESSION } },
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
          'Cache-Control',
          'Pragma',
          'X-Requested-With',
          'Last-Event-ID',
          'Idempotency-Key',
          'If-None-Match',
          'x-strapi-refresh-cookie',
          ...openaiHeaders,
        ],
        expose: [
          'ETag',
          'Retry-After',
          'x-should-retry',
          'Idempotent-Replayed',
          'X-RateLimit-Limit',
          'X-RateLimit-Remaining',
          'X-RateLimit-Reset',
        ],
      },
    },
    'strapi::query',
    'strapi::session',
    'strapi::favicon',
    'global::pages',
    'global::paths-without-api',
    'global::spellings',
    'global::known-paths',
    // Strapi requires its own parser in this list. `global::body` calls it, so here it parses nothing.
    { name: 'strapi::body', config: { json: false, urlencoded: false, text: false, multipart: false } },
    { name: 'global::body', config: { maxBytes: variables.BODY_LIMIT } },
    'global::account-requests',
    'strapi::public',
  ];
};

export default config;
