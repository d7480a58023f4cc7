import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { unnamedUser, type Character, type CharacterSource } from '../../chat';
import { partsOf } from '../sql/parts';
import { isRowId } from '../sql/row-id';
import { isMainRow } from './locales';
import { numberCharacters } from './numbers';
import { selectCharacters, toCharacter, type CharacterRows } from './rows';

type Database = Core.Strapi['db'];

interface ListedRow {
  readonly document_id: string;
  readonly name: string | null;
  readonly created_at: Date | string | number | null;
}

/**
 * Creates the source of characters on Strapi's database.
 * It reads content only from the published row, so users cannot see a draft.
 * @param namesUsers whether texts keep `{{user}}`, for `nameUser`.
 */
export function createCharacterSource(db: Database, namesUsers = false): CharacterSource {
  const user = namesUsers ? unnamedUser : undefined;
  const readNumbered = createRead(db, user);
  return {
    async findPublished(reference, locale = null) {
      const named = isRowId(reference)
        ? { 'd.numeric_id': Number(reference) }
        : { 'd.document_id': reference };
      const [character] = await readNumbered(locale, (rows) =>
        rows.where(named).whereNotNull('p.id').where(isEnabled).limit(1),
      );
      return character ?? null;
    },
    async listPublished(documentId) {
      const listed = db.connection
        .from({ d: 'ai_characters' })
        .join({ p: 'ai_characters' }, 'p.document_id', 'd.document_id')
        .whereNull('d.published_at')
        .whereRaw(isMainRow('d'))
        .whereNotNull('p.published_at')
        .whereRaw(isMainRow('p'))
        .where(isEnabled)
        .orderBy('d.id')
        .select('d.document_id', 'p.name', 'd.created_at');
      if (documentId !== undefined) void listed.where('d.document_id', documentId);
      return ((await listed) as ListedRow[]).map(({ document_id, name, created_at }) => ({
        documentId: document_id,
        name,
        createdAt: new Date(created_at ?? 0),
      }));
    },
    async findForDisplay(documentIds, locale = null) {
      const characters: Character[] = [];
      for (const some of partsOf(documentIds)) {
        characters.push(...(await readNumbered(locale, (rows) => rows.whereIn('d.document_id', some))));
      }
      return new Map(characters.map((character) => [character.documentId, character]));
    },
  };
}

/** Null is the value of rows from earlier releases, until the next start. */
const isEnabled = (rows: Knex.QueryBuilder) => void rows.where('p.enabled', true).orWhereNull('p.enabled');

/** @param user the word for `{{user}}`. */
function createRead(db: Database, user: string | undefined) {
  return async (
    locale: string | null,
    which: (rows: CharacterRows) => CharacterRows,
  ): Promise<Character[]> => {
    let rows = await which(selectCharacters(db, 'published', locale));
    if (rows.some((row) => row.numeric_id === null)) {
      await numberCharacters(db);
      rows = await which(selectCharacters(db, 'published', locale));
    }
    return rows.flatMap((row) => toCharacter(row, user) ?? []);
  };
}
