import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { loginsOf } from './logins';
import type { Login } from './login-watch';
import { onClosed } from '../../http/on-closed';
import { isAppUser } from '../../http/owner';

/** Returns a signal that fires if the login of a request ends before its response does. */
export function loginEndOf(strapi: Core.Strapi, ctx: Context): AbortSignal {
  const end = new AbortController();
  const login = loginOf(ctx);
  if (login !== null)
    onClosed(
      ctx.res,
      loginsOf(strapi).watch.add(login, () => end.abort('login ended')),
    );
  return end.signal;
}

/** Returns null for an API token, an admin, or a request without a login. */
export function loginOf(ctx: Context): Login | null {
  const user = ctx.state['user'] as { id?: unknown; documentId?: unknown } | null | undefined;
  if (!isAppUser(ctx) || typeof user?.id !== 'number' || typeof user.documentId !== 'string') return null;
  const session = ctx.state['session'] as { id?: string } | undefined;
  return { userId: user.id, documentId: user.documentId, sessionId: session?.id ?? null };
}
