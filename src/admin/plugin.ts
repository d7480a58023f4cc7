import type { StrapiApp } from '@strapi/strapi/admin';

import { bootstrapWorkplace, registerWorkplace, translations } from './workplace';

/** The admin part of the plugin: the same parts as in the application, in the languages of the host. */
export default {
  register(app: StrapiApp): void {
    app.registerPlugin({ id: 'character-chat', name: 'Character chat' });
    registerWorkplace(app);
  },

  bootstrap: bootstrapWorkplace,

  registerTrads({ locales }: { readonly locales: readonly string[] }): object[] {
    const known: Readonly<Record<string, object>> = translations;
    return locales.map((locale) => ({ locale, data: known[locale] ?? {} }));
  },
};
