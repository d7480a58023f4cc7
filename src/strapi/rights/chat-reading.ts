import type { Core } from '@strapi/strapi';

import { chatUids } from '../entries/chat-entries';
import { isStockRole, type Permission, type Role } from './stock-roles';

/** The permission to see users' chats in the admin panel. */
export const readChats = 'api::chats.read';

/** The part of Strapi's permission service that this file uses. */
export interface PermissionService {
  readonly actionProvider: { registerMany(actions: readonly object[]): Promise<unknown> };
  readonly engine: {
    generateTokenAbility(permissions: readonly Permission[], owner: unknown): Promise<unknown>;
  };
  findUserPermissions(user: unknown): Promise<Permission[]>;
  findMany(params: FindParams): Promise<Permission[]>;
  createMany(permissions: readonly object[]): Promise<unknown>;
  deleteByIds(ids: readonly number[]): Promise<unknown>;
}

interface FindParams {
  readonly where?: {
    readonly role?: { readonly users?: unknown; readonly id?: number };
    readonly [key: string]: unknown;
  };
  readonly populate?: readonly string[];
}

/**
 * Hides chats in the admin panel from everybody without the permission `api::chats.read`, which Super Admins have.
 * Without it, an administrator has no permission on a chat type, whatever the role says. Strapi reads permissions
 * through these functions. So the Content Manager with its relations, the home page, admin tokens and MCP tools all
 * follow. It must run before Strapi bootstraps, because the bootstrap deletes unknown permissions.
 */
export async function guardChats(strapi: Core.Strapi): Promise<void> {
  const service = strapi.service('admin::permission') as unknown as PermissionService;
  await service.actionProvider.registerMany([
    {
      section: 'settings',
      category: 'chat',
      subCategory: 'chats',
      displayName: "Read users' chats",
      uid: 'chats.read',
    },
  ]);
  const { findUserPermissions, findMany, engine } = service;
  const { generateTokenAbility } = engine;

  service.findUserPermissions = async (user) => guarded(await findUserPermissions(user));
  // The home page itself searches for the types that a user may read.
  service.findMany = async (params) => {
    const permissions = await findMany(params);
    const users = params.where?.role?.users;
    if (users === undefined || !permissions.some(isOfChats)) return permissions;
    const rights = await findMany({ where: { role: { users }, action: readChats } });
    return rights.length > 0 ? permissions : permissions.filter((permission) => !isOfChats(permission));
  };
  engine.generateTokenAbility = (permissions, owner) => generateTokenAbility(guarded(permissions), owner);
}

function guarded(permissions: readonly Permission[]): Permission[] {
  const mayRead = permissions.some(({ action }) => action === readChats);
  return permissions.filter((permission) => mayRead || !isOfChats(permission));
}

const isOfChats = ({ subject }: Permission): boolean => chatUids.has(subject ?? '');

/**
 * Takes the chats from the roles Editor and Author, once in the life of an installation. Strapi creates them with
 * every permission on every content type. A role that somebody has changed or made keeps its access, with the
 * permission `api::chats.read`.
 */
export async function takeChatsFromStockRoles(strapi: Core.Strapi): Promise<void> {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  if ((await store.get({ key: 'chats-guarded' })) === true) return;
  await strapi.db.transaction(async () => {
    // Without administrators nobody has a role yet.
    const hasAdministrators = (await strapi.db.query('admin::user').count()) > 0;
    const log = (message: string) => hasAdministrators && strapi.log.warn(message);
    for (const role of await rolesWithChats(strapi)) await settle(strapi, role, log);
    await giveTokensTheRight(strapi);
    await store.set({ key: 'chats-guarded', value: true });
  });
}

async function rolesWithChats(strapi: Core.Strapi): Promise<Role[]> {
  const roles = (await strapi.db
    .query('admin::role')
    .findMany({ populate: ['permissions'], where: { code: { $ne: 'strapi-super-admin' } } })) as Role[];
  return roles.filter(({ permissions }) => permissions.some(isOfChats));
}

async function settle(strapi: Core.Strapi, role: Role, log: (message: string) => void): Promise<void> {
  const service = strapi.service('admin::permission') as unknown as PermissionService;
  if (!isStockRole(strapi, role)) {
    if (!role.permissions.some(({ action }) => action === readChats)) {
      await service.createMany([{ ...newPermission, role: role.id }]);
    }
    log(`The role "${role.name}" was made or changed by somebody and keeps its access to users' chats.`);
    return;
  }
  await service.deleteByIds(role.permissions.filter(isOfChats).map(({ id }) => id));
  const tokens = strapi.service('admin::api-token-admin') as unknown as TokenService;
  await tokens.syncPermissionsForRole(role.id);
  log(
    `The role "${role.name}" has no access to users' chats any more. Grant it "Read users' chats" if it needs it.`,
  );
}

interface TokenService {
  /** Removes permissions that the users do not have from the tokens of the role's users. */
  syncPermissionsForRole(roleId: number): Promise<unknown>;
}

/**
 * Gives the permission to admin tokens that have access to chats, so that they keep it. A token whose owner has lost
 * the access has already lost it, too.
 */
async function giveTokensTheRight(strapi: Core.Strapi): Promise<void> {
  const service = strapi.service('admin::permission') as unknown as PermissionService;
  const tokens = (await strapi.db
    .query('admin::api-token')
    .findMany({ where: { kind: 'admin' }, populate: ['adminPermissions'] })) as {
    id: number;
    adminPermissions: Permission[];
  }[];
  const withChats = tokens.filter(
    ({ adminPermissions: own }) => own.some(isOfChats) && !own.some(({ action }) => action === readChats),
  );
  if (withChats.length === 0) return;
  await service.createMany(withChats.map(({ id }) => ({ ...newPermission, role: null, apiToken: id })));
}

const newPermission = {
  action: readChats,
  actionParameters: {},
  subject: null,
  properties: {},
  conditions: [],
};
