import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { errors } from '@strapi/utils';
import { z } from 'zod';

import type { UploadedFile } from '../../../http/requests/multipart-body';
import { characterUid } from '../../../database/characters/uid';
import { importCard as importFile } from '../../character-cards/import-card';
import { createRights } from '../../character-cards/rights';
import type { AssistantTool } from './tool';

const input = z.object({
  json: z.string().min(2).optional().describe('The card as JSON of V1, V2 or V3.'),
  png_base64: z.base64().min(1).optional().describe('The card as a PNG file, in Base64.'),
});

const output = z.object({
  documentId: z.string(),
  name: z.string(),
  has_picture: z.boolean(),
  unused: z.array(z.string()).describe('What the server keeps for an export and does not use.'),
});

export const importCard: AssistantTool<typeof input, typeof output> = {
  name: 'import_character_card',
  title: 'Import a character card',
  description:
    'Creates a draft of a character from a character card. Send either json or png_base64. Users see nothing of the ' +
    'draft before an editor publishes it. Import cards with large pictures in the admin panel.',
  right: { action: 'plugin::content-manager.explorer.create', subject: characterUid },
  input,
  output,
  async run(strapi, { editor, args: { json, png_base64: png } }) {
    if ((json === undefined) === (png === undefined))
      throw new errors.ValidationError('Send either json or png_base64.');
    const bytes = png === undefined ? Buffer.from(json ?? '') : Buffer.from(png, 'base64');
    const { id, userAbility } = editor;
    const rights = createRights(strapi, { state: { user: { id }, userAbility } });
    return withFile(bytes, png === undefined ? 'json' : 'png', async (file) => {
      const { documentId, name, hasPicture, unused } = await importFile({ strapi, rights, file });
      return { documentId, name, has_picture: hasPicture, unused: [...unused] };
    });
  },
};

/** Writes the bytes into a temporary file, because the media library takes files. Removes it afterwards. */
async function withFile<T>(
  bytes: Buffer,
  ending: 'json' | 'png',
  use: (file: UploadedFile) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'card-'));
  const name = `card.${ending}`;
  const filepath = path.join(folder, name);
  try {
    await writeFile(filepath, bytes);
    const mimetype = ending === 'png' ? 'image/png' : 'application/json';
    return await use({ filepath, newFilename: name, originalFilename: name, mimetype, size: bytes.length });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
