import type { Core } from '@strapi/strapi';

/** Strapi's own secrets: the variable, and where its value arrives in the configuration. */
const secrets = [
  { variable: 'APP_KEYS', path: 'server.app.keys' },
  { variable: 'ADMIN_JWT_SECRET', path: 'admin.auth.secret' },
  { variable: 'API_TOKEN_SALT', path: 'admin.apiToken.salt' },
  { variable: 'TRANSFER_TOKEN_SALT', path: 'admin.transfer.token.salt' },
  { variable: 'ENCRYPTION_KEY', path: 'admin.secrets.encryptionKey' },
  { variable: 'JWT_SECRET', path: 'plugin::users-permissions.jwtSecret' },
] as const;

/** Values people leave standing from an example file. */
export const placeholder = /^(to-?be-?modified\d*|change-?me\d*|your-.*|secret\d*)$/iu;

/** @returns one problem for each secret that is missing or still a placeholder. A secret is never made up at start:
 * everybody would be logged out at the next. */
export function findSecretProblems(strapi: Core.Strapi): string[] {
  return secrets.flatMap(({ variable, path }) => {
    const values = toTexts(strapi.config.get(path));
    if (values.length === 0)
      return [`${variable} is missing. Set it to a long random text, e.g. of "npm run secrets"`];
    const isPlaceholder = values.some((value) => placeholder.test(value));
    return isPlaceholder ? [`${variable} is still a placeholder. Set it to a long random text`] : [];
  });
}

function toTexts(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((item): item is string => typeof item === 'string' && item !== '');
}
