import type { Core } from '@strapi/strapi';

/** Strapi's own secrets: the variable, and the path of its value in the configuration. */
const secrets = [
  { variable: 'APP_KEYS', path: 'server.app.keys' },
  { variable: 'ADMIN_JWT_SECRET', path: 'admin.auth.secret' },
  { variable: 'API_TOKEN_SALT', path: 'admin.apiToken.salt' },
  { variable: 'TRANSFER_TOKEN_SALT', path: 'admin.transfer.token.salt' },
  { variable: 'ENCRYPTION_KEY', path: 'admin.secrets.encryptionKey' },
  { variable: 'JWT_SECRET', path: 'plugin::users-permissions.jwtSecret' },
] as const;

/** Values from an example file that people forget to replace. */
export const placeholder = /^(to-?be-?modified\d*|change-?me\d*|your-.*|secret\d*)$/iu;

/**
 * Checks the secrets.
 * @returns one problem for each secret that is missing or still a placeholder. The server never generates a secret at
 * its start, because the next start would log everybody out.
 */
export function findSecretProblems(strapi: Core.Strapi): string[] {
  return secrets.flatMap(({ variable, path }) => {
    const values = toTexts(strapi.config.get(path));
    if (values.length === 0)
      return [`${variable} is missing. Set it to a long random text, e.g. with "npm run secrets"`];
    const isPlaceholder = values.some((value) => placeholder.test(value));
    return isPlaceholder ? [`${variable} is still a placeholder. Set it to a long random text`] : [];
  });
}

function toTexts(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((item): item is string => typeof item === 'string' && item !== '');
}
