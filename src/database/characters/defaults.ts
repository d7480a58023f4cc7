import type { Core } from '@strapi/strapi';

import { defaultLocale } from './locales';

/** Gives characters of earlier releases and of their exports the values that new characters have. */
export async function fillCharacterDefaults({ connection }: Core.Strapi['db']): Promise<void> {
  await connection('ai_characters').whereNull('enabled').update({ enabled: true });
  await connection('ai_characters').whereNull('order').update({ order: 0 });
  // Strapi itself does this once, when it first sees the localized schema. An import comes later.
  await connection('ai_characters')
    .whereNull('locale')
    .update({ locale: connection.raw(defaultLocale) });
}
