import { z } from 'zod';

import { characterIdSchema } from '../bounded';
import { parse } from '../invalid-request';
import { toStorableText } from '../../shared/storable-text';

/** A request to upload a file. */
export interface UploadRequest {
  readonly characterId: string;
  readonly file: UploadedPart;
}

/** A file that the server has received. */
export interface UploadedPart {
  readonly filepath: string;
  readonly name: string;
  readonly mimeType: string;
  /** In bytes. */
  readonly size: number;
}

const isOneFile = 'must be one file, with a name';

const schema = z.object(
  {
    character_id: characterIdSchema,
    file: z
      .object(
        {
          filepath: z.string(),
          originalFilename: z.string(isOneFile).min(1, isOneFile).max(255, 'has a name that is too long'),
          mimetype: z.string().max(255).toLowerCase(),
          size: z.number().positive('is empty'),
        },
        isOneFile,
      )
      .transform(({ filepath, originalFilename, mimetype: mimeType, size }) => {
        return { filepath, name: toStorableText(originalFilename), mimeType, size };
      }),
  },
  'must be multipart/form-data with character_id and file',
);

/**
 * Parses the form of an upload: the fields `character_id` and `file`. Ignores other fields.
 * @throws ChatError `invalid-request` with the name of the wrong field.
 */
export function parseUpload(fields: unknown, files: unknown): UploadRequest {
  const { character_id, file } = parse(schema, { ...asRecord(fields), ...asRecord(files) });
  return { characterId: toStorableText(character_id), file };
}

const asRecord = (value: unknown) => (typeof value === 'object' && value !== null ? value : {});
