import type { Core } from '@strapi/strapi';
import { z } from 'zod';

const userSchema = z.looseObject({
  id: z.number().int(),
  documentId: z.string().min(1),
  username: z.string(),
  email: z.string(),
  confirmed: z.boolean().nullish(),
  blocked: z.boolean().nullish(),
  role: z.looseObject({ id: z.number().int() }).nullish(),
});

type User = z.output<typeof userSchema>;

/** A user who may log in, and the permissions of their role. */
export interface ActiveUser {
  /** With all fields that users-permissions reads for a request. */
  readonly user: User;
  readonly permissions: readonly Permission[];
}

export interface Permission {
  readonly action: string;
}

/**
 * Returns a user by the rules of users-permissions, whose own check needs a JWT in a request.
 * @returns null if the user does not exist, is blocked or not confirmed, or has no role.
 */
export async function findActiveUser(strapi: Core.Strapi, id: unknown): Promise<ActiveUser | null> {
  const plugin = strapi.plugin('users-permissions');
  const users = plugin.service('user') as { fetchAuthenticatedUser(id: unknown): Promise<unknown> };
  const permissions = plugin.service('permission') as {
    findRolePermissions(roleId: number): Promise<readonly Permission[]>;
  };
  const user = userSchema.safeParse(await users.fetchAuthenticatedUser(id)).data;
  if (user === undefined || user.blocked === true) return null;
  if (user.confirmed !== true && (await needsConfirmation(strapi))) return null;
  const { role } = user;
  if (role === null || role === undefined) return null;
  return { user, permissions: await permissions.findRolePermissions(role.id) };
}

async function needsConfirmation(strapi: Core.Strapi): Promise<boolean> {
  const store = strapi.store({ type: 'plugin', name: 'users-permissions' });
  const advanced = (await store.get({ key: 'advanced' })) as { email_confirmation?: unknown } | null;
  return advanced?.email_confirmation === true;
}
