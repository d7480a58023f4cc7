import type { Core } from '@strapi/strapi';

interface Route {
  readonly config?: { readonly isForUsers?: boolean; readonly auth?: false | { readonly scope: string[] } };
}

interface Api {
  readonly routes: Readonly<Record<string, { readonly routes?: readonly Route[] }>>;
}

/**
 * Returns the actions of the routes for users (`http/user-route.ts`), by the scope that Strapi has given each route.
 */
function actionsForUsers(strapi: Core.Strapi): string[] {
  const apis = Object.values(strapi.apis) as unknown as readonly Api[];
  const routes = apis.flatMap((api) => Object.values(api.routes)).flatMap((router) => router.routes ?? []);
  const actions = routes.flatMap(({ config = {} }) =>
    config.isForUsers === true && config.auth ? config.auth.scope : [],
  );
  return [...new Set(actions)];
}

/**
 * Grants the Authenticated role each of these actions once in the life of the installation. An action that an admin
 * revokes later stays revoked. An action that a later version adds is granted at the first start of that version.
 */
export async function grantAuthenticated(strapi: Core.Strapi): Promise<void> {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  const granted = ((await store.get({ key: 'granted-actions' })) ?? []) as string[];
  const missing = actionsForUsers(strapi).filter((action) => !granted.includes(action));
  if (missing.length === 0) return;

  const role = (await strapi.db
    .query('plugin::users-permissions.role')
    .findOne({ where: { type: 'authenticated' } })) as { id: number } | null;
  if (role === null) return;
  const permissions = strapi.db.query('plugin::users-permissions.permission');
  for (const action of missing) {
    const existing: unknown = await permissions.findOne({ where: { action, role: role.id } });
    if (existing === null) await permissions.create({ data: { action, role: role.id } });
  }
  await store.set({ key: 'granted-actions', value: [...granted, ...missing] });
}
