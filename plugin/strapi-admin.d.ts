import type { StrapiApp } from '@strapi/strapi/admin';

/** The admin part of the plugin. Strapi loads it. */
declare const plugin: {
  register(app: StrapiApp): void;
  bootstrap(app: StrapiApp): void;
  registerTrads(options: { readonly locales: readonly string[] }): object[];
};

export default plugin;
