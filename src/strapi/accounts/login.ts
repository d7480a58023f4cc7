import { randomBytes } from 'node:crypto';

import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import { userUid, type AccountName } from './account-columns';
import { toAccountKey } from './account-key';
import type { Action, CreateAuthController } from './auth-controller';
import { finding } from './strapi-view';

type Account = AccountName & { readonly id: number; readonly password?: string | null };

interface UserService {
  validatePassword(password: string, hash: string): Promise<boolean>;
  ensureHashedPasswords(values: { password: string }): Promise<{ password: string }>;
}

/** More accounts than share one key in an installation that is older than the rule. */
const maxSharing = 100;
/** Accounts whose password one attempt compares, if they share a name in its exact spelling. */
const maxCandidates = 5;

/**
 * Creates the plugin's login by password. It finds the account by the key of a name, so upper and lower case are
 * equal. An unknown name takes as long as a wrong password, because the server compares a hash in both cases.
 */
export function createLogin(strapi: Core.Strapi, createController: CreateAuthController): Action {
  const stock = createController({ strapi });
  let dummyHash: Promise<string> | undefined;

  return async function callback(ctx, ...rest) {
    const { identifier, password } = (ctx.request.body ?? {}) as Record<string, unknown>;
    const isLocal = (ctx['params'] as { provider?: string }).provider === undefined;
    // The plugin replies to all other requests itself.
    if (!isLocal || !isText(identifier) || !isText(password)) return stock.callback(ctx, ...rest);
    const users = strapi.plugin('users-permissions').service('user') as UserService;
    dummyHash ??= hashOf(users);
    const [hash, candidates] = await Promise.all([dummyHash, findCandidates(strapi, identifier)]);
    const account = await choose(users, candidates, password);
    try {
      return await createController({ strapi: finding(strapi, account) }).callback(ctx, ...rest);
    } catch (error) {
      const isUnknown = account === null && error instanceof errors.ValidationError;
      if (isUnknown) await users.validatePassword(password, hash);
      throw error;
    }
  };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** Creates a hash with as many rounds as the hashes of users. */
async function hashOf(users: UserService): Promise<string> {
  const { password } = await users.ensureHashedPasswords({ password: randomBytes(16).toString('hex') });
  return password;
}

/** Returns the accounts with exactly this name. If none exists, returns the only account with this key, if any. */
async function findCandidates(strapi: Core.Strapi, identifier: string): Promise<readonly Account[]> {
  const key = toAccountKey(identifier);
  const exact = { $or: [{ email: identifier.toLowerCase() }, { username: identifier }] };
  const accounts = (await strapi.db.query(userUid).findMany({
    // A process of an older version may have just made accounts without a key.
    where: {
      provider: 'local',
      $or: [{ usernameKey: key }, { emailKey: key }, { usernameKey: null, ...exact }],
    },
    orderBy: { id: 'asc' },
    limit: maxSharing,
  })) as Account[];
  const isExact = ({ email, username }: Account) =>
    email === identifier.toLowerCase() || username === identifier;
  const spelled = accounts.filter(isExact);
  if (spelled.length > 0) return spelled.slice(0, maxCandidates);
  return accounts.length === 1 ? accounts : [];
}

/** Returns the account with this password, or else the first one that has a password. Returns null if none has one. */
async function choose(
  users: UserService,
  candidates: readonly Account[],
  password: string,
): Promise<Account | null> {
  const withPassword = candidates.filter((account) => isText(account.password));
  if (withPassword.length <= 1) return withPassword[0] ?? null;
  for (const account of withPassword) {
    if (await users.validatePassword(password, account.password ?? '')) return account;
  }
  return withPassword[0] ?? null;
}
