import type { Core } from '@strapi/strapi';

import type { Character } from '../../chat';
import { isMainRow } from './locales';
import { selectCharacters, toCharacter, type CharacterRow } from './rows';
import { findVersion } from './versions/read';

type Database = Core.Strapi['db'];

/** Reads the saved draft of a character, for editors who try it. Users never see it. */
export async function findDraft(db: Database, documentId: string): Promise<Character | null> {
  const row = await findRow(db, documentId);
  return row === null ? null : toCharacter(row);
}

/**
 * Reads a version of a character, for editors who try it. Versions have no API key, so that of the draft is used. Null
 * if there is no such version.
 */
export async function findVersionToTry(
  db: Database,
  documentId: string,
  version: number,
): Promise<Character | null> {
  const row = await findRow(db, documentId);
  const fields = (await findVersion(db, documentId, version)) as Partial<CharacterRow> | null;
  if (row === null || fields === null) return null;
  return toCharacter({ ...row, ...fields, prompt_name: fields.name ?? null, version });
}

/** A draft that came by an import has no number yet. Trials do not need one. */
async function findRow(db: Database, documentId: string): Promise<CharacterRow | null> {
  const [row] = await selectCharacters(db, 'draft', null).where('d.document_id', documentId).limit(1);
  return row === undefined ? null : { ...row, numeric_id: row.numeric_id ?? 0 };
}

/**
 * Returns the locale of the draft that stands for a character: the default locale, or the oldest one without such a
 * draft. Returns undefined for an unknown character.
 */
export async function findMainLocale(
  { connection }: Database,
  documentId: string,
): Promise<string | undefined> {
  const row = (await connection
    .from({ d: 'ai_characters' })
    .where({ 'd.document_id': documentId, 'd.published_at': null })
    .whereRaw(isMainRow('d'))
    .first('d.locale')) as { readonly locale: string | null } | undefined;
  return row?.locale ?? undefined;
}
