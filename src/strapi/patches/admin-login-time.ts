import { randomBytes } from 'node:crypto';

import type { Core } from '@strapi/strapi';

interface Credentials {
  readonly email: string;
  readonly password: string;
}

interface AdminAuth {
  checkCredentials(credentials: Credentials): Promise<unknown>;
  hashPassword(password: string): Promise<string>;
  validatePassword(password: string, hash: string): Promise<boolean>;
}

/**
 * Makes a login with an unknown address as slow as one with a wrong password. Strapi compares a password only if an
 * administrator has the address, so the time of the reply would show that. This patch also compares a password for
 * unknown addresses.
 */
export function evenAdminLogins(strapi: Core.Strapi): void {
  const auth = strapi.service('admin::auth') as unknown as AdminAuth;
  const { checkCredentials, hashPassword, validatePassword } = auth;
  let dummyHash: Promise<string> | undefined;
  auth.checkCredentials = async (credentials) => {
    const { email, password } = credentials;
    dummyHash ??= hashPassword(randomBytes(16).toString('hex'));
    const hash = await dummyHash;
    const where = { email, password: { $notNull: true } };
    const admin: unknown = await strapi.db.query('admin::user').findOne({ where, select: ['id'] });
    const result = await checkCredentials(credentials);
    if (admin === null) await validatePassword(password, hash);
    return result;
  };
}
