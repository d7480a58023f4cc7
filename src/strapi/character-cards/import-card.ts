import { readFile, writeFile } from 'node:fs/promises';

import type { Core } from '@strapi/strapi';

import { readCard } from './card';
import { toCharacterFields, unusedParts } from './character-fields';
import { isPng, withTexts } from './png';
import type { UploadedFile } from '../../http/requests/multipart-body';
import { characterUid } from '../../database/characters/uid';
import type { Rights } from './rights';

interface Import {
  readonly strapi: Core.Strapi;
  readonly rights: Rights;
  readonly file: UploadedFile;
}

export interface ImportedCard {
  readonly documentId: string;
  readonly name: string;
  /** Whether the picture is in the media library now. That needs the right to upload. */
  readonly hasPicture: boolean;
  /** What the server keeps for an export and does not use, e.g. `a lorebook of 3 entries`. */
  readonly unused: readonly string[];
}

/**
 * Creates a draft from a card, with its picture as the avatar.
 * @throws CardError if the file is no card. @throws ForbiddenError without the right to create characters.
 */
export async function importCard({ strapi, rights, file }: Import): Promise<ImportedCard> {
  const bytes = await readFile(file.filepath);
  const card = readCard(bytes);
  const { name, prompt, introduce, openingStatement, suggestedQuestions } = toCharacterFields(card);
  const fields = await rights.toCreate({
    name,
    prompt,
    introduce,
    opening_statement: openingStatement,
    suggested_questions: suggestedQuestions,
  });
  const hasPicture = isPng(bytes) && rights.canUpload();
  const avatar = hasPicture ? await savePicture({ strapi, rights, file }, bytes, name) : null;
  const creator = { createdBy: rights.user.id, updatedBy: rights.user.id };
  const data = { ...fields, avatar, ...creator, card: JSON.stringify(card.raw) };
  const { documentId } = await strapi.documents(characterUid).create({ data: data as never });
  return { documentId, name, hasPicture, unused: unusedParts(card) };
}

interface UploadService {
  upload(options: object, context: object): Promise<readonly { readonly id: number }[]>;
}

/** Puts the picture into the media library without its texts. One of them is the prompt, and avatars are public. */
async function savePicture({ strapi, rights, file }: Import, bytes: Buffer, name: string): Promise<number> {
  const picture = withTexts(bytes, new Map());
  await writeFile(file.filepath, picture);
  const uploads = strapi.plugin('upload').service('upload') as UploadService;
  const fileInfo = { name: `${name}.png`, alternativeText: name };
  const [saved] = await uploads.upload(
    { data: { fileInfo }, files: { ...file, mimetype: 'image/png', size: picture.length } },
    { user: rights.user },
  );
  if (saved === undefined) throw new Error('The media library has saved no picture.');
  return saved.id;
}
