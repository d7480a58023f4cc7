import type { Core } from '@strapi/strapi';

import { userUid } from './account-columns';

/**
 * The plugin's hook `validatePassword` for new passwords: of a registration, a reset and a change.
 * @throws the sentence for the client, which Strapi answers with 400.
 */
export function createPasswordRule(minChars: number) {
  return (password: unknown): boolean => {
    if (typeof password === 'string' && [...password].length >= minChars) return true;
    throw new Error(`Password must be at least ${minChars} characters long`);
  };
}

/** The same bound where an administrator or an API token sets a password. */
export function boundPasswords(strapi: Core.Strapi): void {
  const minLength = strapi.config.get<number>('plugin::users-permissions.minPasswordChars', 8);
  Object.assign(strapi.contentType(userUid).attributes['password'] as object, { minLength });
}
