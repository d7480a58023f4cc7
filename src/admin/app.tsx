import type { StrapiApp } from '@strapi/strapi/admin';

import { exportActions } from './cards/ExportCard';
import { ImportCards } from './cards/ImportCards';
import { chinese, english } from './cards/translations';

/** The part of the Content Manager's plugin that this file uses. */
interface ContentManager {
  readonly apis: { addDocumentAction(actions: readonly unknown[]): void };
  injectComponent(view: string, zone: string, component: { name: string; Component: () => unknown }): void;
}

/** The admin panel in English or, for whoever chooses it in their profile, in Chinese. */
export default {
  config: {
    locales: ['zh-Hans'],
    translations: { en: english, 'zh-Hans': chinese },
  },
  bootstrap(app: StrapiApp) {
    const contentManager = app.getPlugin('content-manager') as unknown as ContentManager;
    contentManager.injectComponent('listView', 'actions', { name: 'import-cards', Component: ImportCards });
    contentManager.apis.addDocumentAction(exportActions);
  },
};
