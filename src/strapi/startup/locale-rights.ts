import type { Core } from '@strapi/strapi';

import { characterUid } from '../../database/characters/uid';

interface Permission {
  readonly id: number;
  readonly properties?: { readonly locales?: readonly string[] | null };
}

/**
 * Gives the rights to characters that name no locale the default locale. Without a locale, a right permits nothing. A
 * new installation has such rights: Strapi makes its roles Editor and Author before it knows of locales.
 */
export async function grantDefaultLocale(strapi: Core.Strapi): Promise<void> {
  const rights = strapi.db.query('admin::permission');
  const all = (await rights.findMany({
    where: { subject: characterUid },
    select: ['id', 'properties'],
  })) as unknown as Permission[];
  const incomplete = all.filter(({ properties }) => properties?.locales === undefined);
  if (incomplete.length === 0) return;
  const service = strapi.plugin('i18n').service('locales') as { getDefaultLocale(): Promise<string> };
  const locale = await service.getDefaultLocale();
  for (const { id, properties } of incomplete)
    await rights.update({ where: { id }, data: { properties: { ...properties, locales: [locale] } } });
}
