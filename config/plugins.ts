import type { Core } from '@strapi/strapi';

import { readMailConfig } from '../src/env/mail-settings';
import { count, flag, origins, readVariables, size, toBytes } from '../src/env/variables';
import { createPasswordRule } from '../src/strapi/accounts/password-rule';

const dayMs = 24 * 60 * 60 * 1000;

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Plugin => {
  const variables = readVariables(env, {
    AUTH_ACCESS_TOKEN_SECONDS: count(3600, 2_592_000),
    AUTH_REMEMBER_SECONDS: count(5, 3600, 0),
    AUTH_REFRESH_AGAIN_SECONDS: count(0, 300, 0),
    AUTH_TOKENS_PER_USER: count(20, 1000, 0),
    AUTH_TOKENS_END_WITH_PASSWORD: flag(true),
    AUTH_MAX_ATTEMPTS_PER_MINUTE: count(10, 1_000_000),
    UPLOAD_LIMIT: size.default('50mb').transform(toBytes),
    AUTH_ALLOW_REGISTRATION: flag(true),
    // bcrypt reads at most 72 bytes.
    AUTH_MIN_PASSWORD_CHARS: count(8, 72),
    CORS_ORIGINS: origins,
  });
  const hasNamedOrigins = !variables.CORS_ORIGINS.some((origin) => origin.includes('*'));
  const mail = readMailConfig(env);
  return {
    'users-permissions': {
      config: {
        jwtManagement: 'refresh',
        sessions: {
          accessTokenLifespan: variables.AUTH_ACCESS_TOKEN_SECONDS,
          // Apps get the refresh token in the reply. A browser requests a cookie instead with the header
          // `x-strapi-refresh-cookie: httpOnly`.
          httpOnly: false,
          // Strapi ends a login that was not renewed for 14 days, so the cookie lasts as long.
          cookie: { path: '/api/auth', sameSite: 'strict', maxAge: 14 * dayMs },
        },
        // `src/extensions/users-permissions` reads these.
        cookieOrigins: hasNamedOrigins ? variables.CORS_ORIGINS : [],
        cacheLoginsSeconds: variables.AUTH_REMEMBER_SECONDS,
        refreshAgainSeconds: variables.AUTH_REFRESH_AGAIN_SECONDS,
        tokensPerUser: variables.AUTH_TOKENS_PER_USER,
        endTokensWithPassword: variables.AUTH_TOKENS_END_WITH_PASSWORD,
        allowRegistration: variables.AUTH_ALLOW_REGISTRATION,
        minPasswordChars: variables.AUTH_MIN_PASSWORD_CHARS,
        validationRules: { validatePassword: createPasswordRule(variables.AUTH_MIN_PASSWORD_CHARS) },
        ratelimit: {
          max: variables.AUTH_MAX_ATTEMPTS_PER_MINUTE,
        },
      },
    },
    ...(mail !== undefined && { email: { config: mail } }),
    upload: {
      config: {
        // Strapi applies the limit to each file, and `global::multipart` applies it to the whole request.
        sizeLimit: variables.UPLOAD_LIMIT,
        security: {
          allowedTypes: ['image/*'],
          deniedTypes: ['image/svg+xml'],
        },
      },
    },
  };
};

export default config;
