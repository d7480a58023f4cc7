import type { StrapiApp } from '@strapi/strapi/admin';

import { cards } from './cards/part';
import { conversations } from './conversations/part';
import { form } from './form/part';
import type { AdminPart } from './shared/part';
import { tryCharacters } from './try/part';
import { usage } from './usage/part';
import { versions } from './versions/part';

/** Everything that the project adds to the admin panel. The application and the plugin use the same list. */
const parts: readonly AdminPart[] = [form, cards, tryCharacters, versions, conversations, usage];

export const translations = {
  en: Object.assign({}, ...parts.map(({ english }) => english)) as Record<string, string>,
  'zh-Hans': Object.assign({}, ...parts.map(({ chinese }) => chinese)) as Record<string, string>,
};

export function registerWorkplace(app: StrapiApp): void {
  for (const part of parts) part.register?.(app);
}

export function bootstrapWorkplace(app: StrapiApp): void {
  for (const part of parts) part.bootstrap?.(app);
}
