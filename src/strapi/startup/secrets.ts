import type { Core } from '@strapi/strapi';

interface Secret {
  readonly variable: string;
  /** The path of its value in the configuration. */
  readonly path: string;
  /** What does not work without it. If this is left out, the server does not start without it. */
  readonly without?: string;
}

/** Strapi's own secrets. */
const secrets: readonly Secret[] = [
  { variable: 'APP_KEYS', path: 'server.app.keys' },
  { variable: 'ADMIN_JWT_SECRET', path: 'admin.auth.secret' },
  { variable: 'API_TOKEN_SALT', path: 'admin.apiToken.salt' },
  {
    variable: 'TRANSFER_TOKEN_SALT',
    path: 'admin.transfer.token.salt',
    without: '"strapi transfer" does not work with this server',
  },
  {
    variable: 'ENCRYPTION_KEY',
    path: 'admin.secrets.encryptionKey',
    without:
      'the admin panel shows an API token only when it is created, and no character can have an API key',
  },
  { variable: 'JWT_SECRET', path: 'plugin::users-permissions.jwtSecret' },
];

/** Values from an example file that people forget to replace. */
export const placeholder = /^(to-?be-?modified\d*|change-?me\d*|your-.*|secret\d*)$/iu;

const howToSet = 'Set it to a long random text';
const howToGenerate = `${howToSet}, e.g. with "npm run secrets"`;

/**
 * Checks the secrets.
 * @returns one problem for each secret that the server needs and that is missing, and for each placeholder. The server
 * never generates a secret at its start, because the next start would log everybody out.
 */
export function findSecretProblems(strapi: Core.Strapi): string[] {
  return secrets.flatMap(({ variable, path, without }) => {
    const values = toTexts(strapi.config.get(path));
    if (values.length === 0) return without === undefined ? [`${variable} is missing. ${howToGenerate}`] : [];
    const isPlaceholder = values.some((value) => placeholder.test(value));
    return isPlaceholder ? [`${variable} is still a placeholder. ${howToSet}`] : [];
  });
}

/** Returns one warning for each missing secret that the server can do without. */
export function findSecretWarnings(strapi: Core.Strapi): string[] {
  return secrets.flatMap(({ variable, path, without }) => {
    const isMissing = without !== undefined && toTexts(strapi.config.get(path)).length === 0;
    return isMissing ? [`${variable} is not set, so ${without}. ${howToGenerate}.`] : [];
  });
}

function toTexts(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((item): item is string => typeof item === 'string' && item !== '');
}
