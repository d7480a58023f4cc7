import type { Core } from '@strapi/strapi';

import { createCache } from '../../database/cache/cache';
import { whenChanged } from '../../database/cache/when-changed';

/** The plugin's service of that name, as far as it concerns us. */
export interface PermissionService {
  findRolePermissions(roleId: number): Promise<readonly object[] | null>;
}

const models = ['role', 'permission'].map((name) => `plugin::users-permissions.${name}`);
/** More than a site has. */
const maxRoles = 100;

/**
 * Remembers for `forMs` what a role may: of users who log in at once, most have the same one, and its permissions are a
 * hundred rows. A change in this process counts at once, one of another process after `forMs` at the latest.
 */
export function cachePermissions(
  service: PermissionService,
  strapi: Core.Strapi,
  forMs: number,
): PermissionService {
  if (forMs === 0) return service;
  const permissions = createCache<number, readonly object[]>(forMs, maxRoles);
  whenChanged(strapi.db, models, () => permissions.clear());
  return {
    ...service,
    findRolePermissions: (roleId) => permissions.read(roleId, () => service.findRolePermissions(roleId)),
  };
}
