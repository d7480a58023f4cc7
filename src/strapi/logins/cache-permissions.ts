import type { Core } from '@strapi/strapi';

import { createCache } from '../../database/cache/cache';
import { whenChanged } from '../../database/cache/when-changed';

/** The part of the plugin's permission service that this file uses. */
export interface PermissionService {
  findRolePermissions(roleId: number): Promise<readonly object[] | null>;
}

const models = ['role', 'permission'].map((name) => `plugin::users-permissions.${name}`);
/** More roles than a site has. */
const maxRoles = 100;

/**
 * Caches the permissions of a role for `forMs`. Most users who log in at the same time have the same role, and its
 * permissions are a hundred rows. A change in this process counts immediately. A change by another process counts
 * after `forMs` at the latest.
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
