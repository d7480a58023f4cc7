import type { Core } from '@strapi/strapi';

import type { Character, CharacterSource } from '../../chat';
import { createCache } from '../cache/cache';
import { whenChanged } from '../cache/when-changed';
import { characterUid } from './uid';

type Database = Core.Strapi['db'];

const maxCharacters = 2_000;

/**
 * Caches characters for `forMs` milliseconds, so that not every question and every page reads them; 0 turns it off.
 * An editor's change applies immediately in this process, and after at most `forMs` in other processes.
 */
export function cacheCharacters(source: CharacterSource, db: Database, forMs: number): CharacterSource {
  if (forMs === 0) return source;
  const published = createCache<string, Character>(forMs, maxCharacters);
  const displayed = createCache<string, Character>(forMs, maxCharacters);
  whenChanged(db, [characterUid], () => {
    published.clear();
    displayed.clear();
  });

  return {
    findPublished: (reference, locale = null) =>
      published.read(keyOf(reference, locale), () => source.findPublished(reference, locale)),
    listPublished: (documentId) => source.listPublished(documentId),
    async findForDisplay(documentIds, locale = null) {
      const known = documentIds.flatMap((documentId) => displayed.get(keyOf(documentId, locale)) ?? []);
      const found = new Map(known.map((character) => [character.documentId, character]));
      const missing = documentIds.filter((documentId) => !found.has(documentId));
      if (missing.length === 0) return found;
      const cache = displayed.beginRead();
      for (const [documentId, character] of await source.findForDisplay(missing, locale)) {
        cache(keyOf(documentId, locale), character);
        found.set(documentId, character);
      }
      return found;
    },
  };
}

/** Neither an id nor a locale contains a space. */
const keyOf = (reference: string, locale: string | null): string =>
  locale === null ? reference : `${locale} ${reference}`;
