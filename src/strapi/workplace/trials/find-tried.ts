import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import { publishedCharactersOf } from '../../../app';
import type { Character, ComparedPrompt, TriedPrompt } from '../../../chat';
import { findDraft, findVersionToTry } from '../../../database/characters/draft';
import { hashOf, toVersionFields } from '../../../database/characters/versions/fields';
import { findVersionHash, findVersionOf } from '../../../database/characters/versions/read';
import { readDraft } from '../versions/rights';

export const sides = ['draft', 'published'] as const;

/** The saved draft, the published version, or the number of a kept version. */
export type Side = (typeof sides)[number] | number;

/**
 * Finds what an administrator wants to try, if the role may read the prompt of the character.
 * @throws ForbiddenError without that right. @throws NotFoundError for an unknown character or version.
 * @throws ValidationError if it has no prompt.
 */
export async function findTried(
  strapi: Core.Strapi,
  { userAbility }: { readonly userAbility: unknown },
  documentId: string,
  side: Side,
): Promise<ComparedPrompt> {
  const { draft } = await readDraft(strapi, { state: { userAbility } }, documentId);
  const character = await findCharacter(strapi, documentId, side);
  const { prompt } = character;
  if (prompt === null || prompt.trim() === '')
    throw new errors.ValidationError('The character has no prompt. Write one, and save it.');
  const tried =
    side === 'draft'
      ? await describeDraft(strapi, documentId, hashOf(toVersionFields(draft)))
      : await describeVersion(strapi, documentId, side, character.version);
  return { character: { ...character, prompt }, tried };
}

async function findCharacter(strapi: Core.Strapi, documentId: string, side: Side): Promise<Character> {
  const character =
    side === 'draft'
      ? await findDraft(strapi.db, documentId)
      : side === 'published'
        ? await publishedCharactersOf(strapi).findPublished(documentId)
        : await findVersionToTry(strapi.db, documentId, side);
  if (character !== null) return character;
  throw new errors.NotFoundError(
    typeof side === 'number' ? 'The character has no such version.' : 'The character is not published.',
  );
}

async function describeDraft(strapi: Core.Strapi, documentId: string, hash: string): Promise<TriedPrompt> {
  return { side: 'draft', hash, version: await findVersionOf(strapi.db, documentId, hash) };
}

async function describeVersion(
  strapi: Core.Strapi,
  documentId: string,
  side: Exclude<Side, 'draft'>,
  version: number | null,
): Promise<TriedPrompt> {
  return {
    side: side === 'published' ? side : 'version',
    version,
    hash: version === null ? null : await findVersionHash(strapi.db, documentId, version),
  };
}
