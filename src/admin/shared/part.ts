import type { StrapiApp } from '@strapi/strapi/admin';

/** Texts by their ids. */
export type Texts = Readonly<Record<string, string>>;

/** One part of the editors' workplace in the admin panel. `register.ts` lists all parts. */
export interface AdminPart {
  readonly english: Texts;
  readonly chinese: Texts;
  /** Adds menu links, widgets and custom fields. */
  register?(app: StrapiApp): void;
  /** Adds what needs other plugins, e.g. panels of the Content Manager. */
  bootstrap?(app: StrapiApp): void;
}

/** The part of the Content Manager's plugin that the workplace uses. */
interface ContentManager {
  readonly apis: {
    addDocumentAction(actions: readonly unknown[]): void;
    addEditViewSidePanel(panels: readonly unknown[]): void;
  };
  injectComponent(view: string, zone: string, component: { name: string; Component: () => unknown }): void;
}

export function contentManagerOf(app: StrapiApp): ContentManager {
  return app.getPlugin('content-manager') as unknown as ContentManager;
}
