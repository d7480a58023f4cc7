import { randomInt, randomUUID } from 'node:crypto';

import type { Core } from '@strapi/strapi';

import { userUid } from './account-columns';
import { AccountTaken } from './account-errors';
import { isAddress, toAccountKey } from './account-key';
import { isRegistrationOpen } from './registration';

interface Profile {
  readonly username?: string | null;
  readonly email?: string | null;
}

/** The plugin's services for logins by a provider such as Google. */
export interface ProvidersRegistry {
  run(query: { readonly provider: string }): Promise<Profile>;
}
export interface Providers {
  connect(...query: readonly unknown[]): Promise<unknown>;
}

/**
 * Changes the profile from a provider before the plugin makes an account of it. A new account needs an open
 * registration. Its username must be free, and must not be another person's email address. Existing accounts log in
 * without a change.
 */
export function withFreeUsernames<T extends ProvidersRegistry>(registry: T, strapi: Core.Strapi): T {
  const run = async (query: { readonly provider: string }): Promise<Profile> => {
    const profile = await registry.run(query);
    const email = (profile.email ?? '').toLowerCase();
    if (email === '' || (await hasAccount(strapi, email, query.provider))) return profile;
    // The plugin's own sentence.
    if (!isRegistrationOpen(strapi)) throw new Error('Register action is actually not available.');
    return { ...profile, username: await findFreeUsername(strapi, profile.username ?? '', email) };
  };
  return { ...registry, run };
}

async function hasAccount(strapi: Core.Strapi, email: string, provider: string): Promise<boolean> {
  return (await strapi.db.query(userUid).findOne({ where: { email, provider }, select: ['id'] })) !== null;
}

/**
 * Returns the username from the provider, or else the part of the email before the `@`. Adds a number if it is taken
 * or too short.
 */
async function findFreeUsername(strapi: Core.Strapi, named: string, email: string): Promise<string> {
  const isForeign = isAddress(toAccountKey(named)) && toAccountKey(named) !== toAccountKey(email);
  const base = named.trim() === '' || isForeign ? (email.split('@')[0] ?? '') : named.trim();
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const isShort = base.length < 3;
    const candidate = attempt === 0 && !isShort ? base : `${base}${randomInt(1_000, 10_000)}`;
    const where = { usernameKey: toAccountKey(candidate) };
    if ((await strapi.db.query(userUid).findOne({ where, select: ['id'] })) === null) return candidate;
  }
  return randomUUID();
}

/**
 * Lets two first logins of one person run at the same time. The second one finds the account that the first one has
 * made.
 */
export function withOneFirstLogin<T extends Providers>(providers: T): T {
  const connect = async (...query: readonly unknown[]): Promise<unknown> => {
    try {
      return await providers.connect(...query);
    } catch (error) {
      if (!(error instanceof AccountTaken)) throw error;
      return providers.connect(...query);
    }
  };
  return { ...providers, connect };
}
