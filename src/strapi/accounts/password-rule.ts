import type { Core } from '@strapi/strapi';

import { userUid } from './account-columns';

/**
 * Creates the plugin's hook `validatePassword` for new passwords: at a registration, a reset and a change.
 * @throws an Error with the sentence for the client. Strapi replies with 400.
 */
export function createPasswordRule(minChars: number) {
  return (password: unknown): boolean => {
    if (typeof password === 'string' && [...password].length >= minChars) return true;
    throw new Error(`Password must be at least ${minChars} characters long`);
  };
}

/** Sets the same minimum for passwords that an administrator or an API token sets. */
export function boundPasswords(strapi: Core.Strapi): void {
  const minLength = strapi.config.get<number>('plugin::users-permissions.minPasswordChars', 8);
  Object.assign(strapi.contentType(userUid).attributes['password'] as object, { minLength });
}
