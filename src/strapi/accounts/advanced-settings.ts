import type { Core } from '@strapi/strapi';

/** The account settings that administrators make in "Users & Permissions plugin → Advanced settings". */
export interface AdvancedSettings {
  readonly unique_email?: boolean;
  readonly allow_register?: boolean;
}

/** Reads the settings. Does not cache them, because an administrator or another process may change them. */
export async function readAdvancedSettings(strapi: Core.Strapi): Promise<AdvancedSettings> {
  const store = strapi.store({ type: 'plugin', name: 'users-permissions' });
  return ((await store.get({ key: 'advanced' })) ?? {}) as AdvancedSettings;
}
