import type { Context } from 'koa';
import { z } from 'zod';

import { ChatError, type Owner } from '../chat';

const userSchema = z.object({
  id: z.number().int(),
  documentId: z.string().min(1),
  username: z.string(),
  email: z.string(),
});

/**
 * The end user this request is made for: who the users-permissions JWT says. An API token or an admin is nobody's user.
 * @throws ChatError `unauthorized`
 */
export function ownerOf(ctx: Context): Owner {
  const user = isAppUser(ctx) ? userSchema.safeParse(ctx.state['user']) : undefined;
  if (user?.success !== true) throw new ChatError('unauthorized');
  return user.data;
}

/** Whether the request comes from an app's user, logged in or not, and not from an API token or the admin panel. */
export function isAppUser(ctx: Context): boolean {
  const auth = ctx.state['auth'] as { strategy?: { name?: string } } | undefined;
  return auth?.strategy?.name === 'users-permissions';
}
