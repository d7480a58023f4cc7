import type { Core } from '@strapi/strapi';

import { ownUids } from '../strapi/entries/own-uids';
import type { characterUid } from '../database/characters/uid';

/**
 * Gives the content types what i18n gives each type that exists when it registers. It registers before this plugin
 * does. Without these attributes, Strapi cannot publish a character.
 */
export function addLocaleAttributes(strapi: Core.Strapi): void {
  if (strapi.plugin('i18n') === undefined) return;
  for (const uid of ownUids) {
    const contentType = strapi.contentType(uid as typeof characterUid);
    const { attributes, collectionName } = contentType;
    const isPrivate = !isLocalized(contentType as never);
    Object.assign(attributes, {
      locale: { writable: true, private: isPrivate, configurable: false, visible: false, type: 'string' },
      localizations: {
        type: 'relation',
        relation: 'oneToMany',
        target: uid,
        writable: false,
        private: isPrivate,
        configurable: false,
        visible: false,
        unstable_virtual: true,
        joinColumn: {
          name: 'document_id',
          referencedColumn: 'document_id',
          referencedTable: strapi.db.metadata.identifiers.getTableName(collectionName ?? uid),
          on: ({ results }: { readonly results: readonly { readonly id: number }[] }) => ({
            id: { $notIn: results.map(({ id }) => id) },
          }),
        },
      },
    });
  }
}

interface Localizable {
  readonly pluginOptions?: { readonly i18n?: { readonly localized?: boolean } };
}

const isLocalized = ({ pluginOptions }: Localizable): boolean => pluginOptions?.i18n?.localized === true;
