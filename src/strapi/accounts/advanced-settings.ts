import type { Core } from '@strapi/strapi';

/** What administrators set in "Users & Permissions plugin → Advanced settings", as far as it concerns accounts. */
export interface AdvancedSettings {
  readonly unique_email?: boolean;
  readonly allow_register?: boolean;
}

/** Read each time: an administrator or another process may change it. */
export async function readAdvancedSettings(strapi: Core.Strapi): Promise<AdvancedSettings> {
  const store = strapi.store({ type: 'plugin', name: 'users-permissions' });
  return ((await store.get({ key: 'advanced' })) ?? {}) as AdvancedSettings;
}
