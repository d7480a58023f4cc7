import type { Context } from 'koa';
import { z } from 'zod';

import { ChatError, type Owner } from '../chat';
import { localeOf } from './requests/locale';

const userSchema = z.object({
  id: z.number().int(),
  documentId: z.string().min(1),
  username: z.string(),
  email: z.string(),
});

/**
 * Returns the end user of this request, from the users-permissions JWT. API tokens and admins are not end users.
 * @throws ChatError `unauthorized`; `invalid-request` for a wrong `?locale=`
 */
export function ownerOf(ctx: Context): Owner {
  const user = isAppUser(ctx) ? userSchema.safeParse(ctx.state['user']) : undefined;
  if (user?.success !== true) throw new ChatError('unauthorized');
  return { ...user.data, locale: localeOf(ctx) };
}

/** Returns whether the request comes from an app's user, logged in or not. False for API tokens and the admin panel. */
export function isAppUser(ctx: Context): boolean {
  const auth = ctx.state['auth'] as { strategy?: { name?: string } } | undefined;
  return auth?.strategy?.name === 'users-permissions';
}
