import type { Core } from '@strapi/strapi';

const config = ({ env }: Core.Config.Shared.ConfigParams): Core.Config.Plugin => ({
  'users-permissions': {
    config: {
      jwtManagement: 'refresh',
      sessions: {
        accessTokenLifespan: env.int('AUTH_ACCESS_TOKEN_SECONDS', 3600),
        // Apps get the refresh token in the reply. A browser asks for a cookie instead by the header
        // `x-strapi-refresh-cookie: httpOnly`, which in production needs HTTPS.
        httpOnly: false,
      },
      // Read by src/extensions/users-permissions.
      rememberLoginsSeconds: env.int('AUTH_REMEMBER_SECONDS', 5),
      ratelimit: {
        max: env.int('AUTH_MAX_ATTEMPTS_PER_MINUTE', 10),
      },
    },
  },
  upload: {
    config: {
      security: {
        allowedTypes: ['image/*'],
        deniedTypes: ['image/svg+xml'],
      },
    },
  },
});

export default config;
