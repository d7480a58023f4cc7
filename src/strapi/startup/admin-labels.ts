import type { Core } from '@strapi/strapi';

import { views, viewsVersion, type Label, type View } from './admin-views';
import type { characterUid } from '../../database/characters/uid';

const timeLabels: Readonly<Record<string, Label>> = {
  createdAt: ['Created'],
  updatedAt: ['Updated'],
};

/** The field by which the admin panel shows a related entry. */
const mainFieldOfRelation: Readonly<Record<string, string>> = {
  ai_character: 'name',
  session: 'title',
  user: 'username',
};

interface Configuration {
  settings: Record<string, unknown>;
  metadatas: Record<string, { edit: Record<string, unknown>; list: Record<string, unknown> }>;
  layouts: { list: string[]; edit: { name: string; size: number }[][] };
}

interface ConfigurationService {
  findConfiguration(contentType: unknown): Promise<Configuration>;
  updateConfiguration(contentType: unknown, configuration: Configuration): Promise<unknown>;
}

/**
 * Gives the admin panel readable labels, descriptions and lists. Strapi stores these in the database, not in the
 * schema.
 */
export async function nameInAdminPanel(strapi: Core.Strapi): Promise<void> {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  if ((await store.get({ key: 'admin-views' })) === viewsVersion) return;
  const service = strapi.plugin('content-manager').service('content-types') as ConfigurationService;
  for (const view of views) {
    const contentType = strapi.contentType(view.uid as typeof characterUid);
    const configuration = await service.findConfiguration(contentType);
    await service.updateConfiguration(contentType, applyView(configuration, view));
  }
  await store.set({ key: 'admin-views', value: viewsVersion });
}

/** Makes `nameInAdminPanel` run again, after Strapi has forgotten these labels. */
export async function forgetAdminNames(strapi: Core.Strapi): Promise<void> {
  await strapi.store({ type: 'core', name: 'character-chat' }).delete({ key: 'admin-views' });
}

function applyView(configuration: Configuration, view: View): Configuration {
  const metadatas = Object.fromEntries(
    Object.entries(configuration.metadatas).map(([name, { edit, list }]) => {
      const [label = edit['label'], description = edit['description']] =
        view.labels[name] ?? timeLabels[name] ?? [];
      const mainField = mainFieldOfRelation[name];
      const shownBy = mainField === undefined ? {} : { mainField };
      return [
        name,
        {
          edit: { ...edit, ...shownBy, label, description, editable: !view.isReadOnly },
          list: { ...list, ...shownBy, label: label ?? list['label'] },
        },
      ];
    }),
  );
  return {
    settings: {
      ...configuration.settings,
      mainField: view.mainField,
      defaultSortBy: view.sortBy,
      defaultSortOrder: view.sortOrder,
    },
    metadatas,
    layouts: {
      list: [...view.list],
      edit: view.edit.map((row) => row.map(([name, size]) => ({ name, size }))),
    },
  };
}
