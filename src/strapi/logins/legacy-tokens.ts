import { createHash } from 'node:crypto';

import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { toPasswordMark } from '../../database/users/login-table';
import { hasSessions, type JwtService } from './tied-tokens';

const userUid = 'plugin::users-permissions.user';

/** The plugin's actions of `/api/auth`, by name. */
type AuthController = Readonly<Record<string, (ctx: Context, ...rest: unknown[]) => unknown>>;

/** The claims of a `legacy-support` token about its account, in addition to the number. */
interface Claims {
  readonly account?: string;
  readonly password?: string;
}

interface Account {
  readonly documentId: string;
  readonly password: string | null;
  readonly createdAt: Date | string;
}

/**
 * Accepts a `legacy-support` token only if it names its account and the current password. A token without these claims
 * is from another issuer, or from before an upgrade. It must not be older than the account.
 */
export function checkLegacyTokens(service: JwtService, strapi: Core.Strapi): JwtService {
  return {
    ...service,
    async verify(token) {
      const payload = (await service.verify(token)) as Claims & { id?: unknown; iat?: number };
      const account = await findAccount(strapi, payload.id);
      if (account === null || !isOf(payload, account)) throw new Error('Invalid token.');
      return payload;
    },
  };
}

/**
 * Makes the tokens in replies name their account if tokens have no session. The plugin writes only the number into
 * them.
 */
export function nameAccounts<T extends AuthController>(auth: T, strapi: Core.Strapi): T {
  if (hasSessions(strapi)) return auth;
  const actions = Object.entries(auth).map(([name, action]) => [
    name,
    async (ctx: Context, ...rest: unknown[]) => {
      const result = await action(ctx, ...rest);
      await nameAccount(ctx.body);
      return result;
    },
  ]);
  return Object.fromEntries(actions) as unknown as T;

  async function nameAccount(body: unknown): Promise<void> {
    const reply = body as { jwt?: unknown } | null | undefined;
    if (typeof reply?.jwt !== 'string') return;
    const jwt = strapi.plugin('users-permissions').service('jwt') as JwtService;
    const { id } = await jwt.verify(reply.jwt);
    const account = await findAccount(strapi, id);
    if (account !== null) reply.jwt = jwt.issue({ id, ...toClaims(account) });
  }
}

async function findAccount(strapi: Core.Strapi, id: unknown): Promise<Account | null> {
  const select = ['documentId', 'password', 'createdAt'];
  const found: unknown = await strapi.db.query(userUid).findOne({ where: { id }, select });
  return found as Account | null;
}

function isOf(token: Claims & { iat?: number }, account: Account): boolean {
  if (token.account === undefined) return (token.iat ?? 0) >= secondsOf(account.createdAt);
  const now = toClaims(account);
  return token.account === now.account && token.password === now.password;
}

/** Returns the claims about an account. They contain a digest of the mark, because everybody can read a token. */
function toClaims({ documentId, password }: Account): Required<Claims> {
  const digest = createHash('sha256').update(toPasswordMark(password)).digest('base64url');
  return { account: documentId, password: digest.slice(0, 22) };
}

function secondsOf(date: Date | string): number {
  return Math.floor(new Date(date).getTime() / 1000);
}
