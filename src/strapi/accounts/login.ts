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

/** More than share one key in an installation that is older than the rule. */
const maxSharing = 100;
/** Passwords that one attempt is compared with, where accounts share a name in its exact spelling. */
const maxCandidates = 5;

/**
 * The plugin's login by password, found by the key of a name, so that another case of it is the same. A name that nobody
 * has takes as long as a wrong password: there is a hash to compare with in either case.
 */
export function createLogin(strapi: Core.Strapi, createController: CreateAuthController): Action {
  const stock = createController({ strapi });
  let dummyHash: Promise<string> | undefined;

  return async function callback(ctx, ...rest) {
    const { identifier, password } = (ctx.request.body ?? {}) as Record<string, unknown>;
    const isLocal = (ctx['params'] as { provider?: string }).provider === undefined;
    // What is no login by password is for the plugin to answer.
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

/** With as many rounds as the hash of a user has. */
async function hashOf(users: UserService): Promise<string> {
  const { password } = await users.ensureHashedPasswords({ password: randomBytes(16).toString('hex') });
  return password;
}

/** Accounts with that name in its exact spelling; where there is none, the one that has it in another. */
async function findCandidates(strapi: Core.Strapi, identifier: string): Promise<readonly Account[]> {
  const key = toAccountKey(identifier);
  const exact = { $or: [{ email: identifier.toLowerCase() }, { username: identifier }] };
  const accounts = (await strapi.db.query(userUid).findMany({
    // Without a key are those that a process of an older version has just made.
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

/** Of accounts that share a name, the one whose password it is. Null where none has a password. */
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
