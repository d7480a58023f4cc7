import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import sharp from 'sharp';

import { parseCard, toPng } from './card';
import { toCard } from './character-fields';
import { isPng } from './png';
import { findMainLocale } from '../../database/characters/draft';
import { characterUid } from '../../database/characters/uid';
import type { Rights } from './rights';

export type CardFormat = 'json' | 'png';

interface Export {
  readonly strapi: Core.Strapi;
  readonly rights: Rights;
  readonly documentId: string;
  readonly format: CardFormat;
}

interface CardFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

interface CharacterEntry {
  readonly name: string;
  readonly prompt?: string | null;
  readonly introduce?: string | null;
  readonly opening_statement?: string | null;
  readonly suggested_questions?: unknown;
  readonly card?: string | null;
  readonly avatar?: { readonly url: string } | null;
}

/** @throws ValidationError for another format. */
export function parseFormat(format: unknown = 'json'): CardFormat {
  if (format === 'json' || format === 'png') return format;
  throw new errors.ValidationError('format must be json or png.');
}

/**
 * Returns the draft of a character as a card, in the default locale if it has that.
 * @throws NotFoundError for an unknown character. @throws ForbiddenError without the right to read its prompt.
 */
export async function exportCard({ strapi, rights, documentId, format }: Export): Promise<CardFile> {
  const locale = await findMainLocale(strapi.db, documentId);
  const populate = { avatar: true, createdBy: { populate: ['roles'] } } as never;
  const found = await strapi
    .documents(characterUid)
    .findOne({ documentId, ...(locale !== undefined && { locale }), populate });
  if (found === null) throw new errors.NotFoundError('There is no such character.');
  rights.assertReadable(found as never);
  const character = found as unknown as CharacterEntry;
  const card = toCard(
    {
      name: character.name,
      prompt: character.prompt ?? '',
      introduce: character.introduce ?? '',
      openingStatement: character.opening_statement ?? '',
      suggestedQuestions: character.suggested_questions ?? null,
    },
    typeof character.card === 'string' ? parseCard(character.card) : null,
  );
  const name = `${character.name}.${format}`;
  if (format === 'json')
    return { name, type: 'application/json', bytes: Buffer.from(`${JSON.stringify(card.raw, null, 2)}\n`) };
  const picture = await readPicture(strapi, character.avatar?.url);
  return { name, type: 'image/png', bytes: toPng(picture, card) };
}

/** Returns the avatar as a PNG; a plain picture if there is none. */
async function readPicture(strapi: Core.Strapi, url: string | undefined): Promise<Buffer> {
  if (url === undefined) return plainPicture();
  const bytes = await readUpload(strapi, url);
  return isPng(bytes) ? bytes : sharp(bytes).png().toBuffer();
}

/** Reads a file of the media library. The provider of this machine gives it a path, any other one an address. */
async function readUpload(strapi: Core.Strapi, url: string): Promise<Buffer> {
  if (url.startsWith('/')) return readFile(path.join(strapi.dirs.static.public, url));
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new errors.ApplicationError('The picture cannot be read. Export the card as JSON.');
  return Buffer.from(await response.arrayBuffer());
}

function plainPicture(): Promise<Buffer> {
  return sharp({ create: { width: 400, height: 600, channels: 3, background: '#8e8ea9' } })
    .png()
    .toBuffer();
}
