import { z } from 'zod';

import type { Owner } from '../../model/owner';
import type { Upload } from '../../ports/file-store';
import { seconds, type Reply } from '../reply';

/** An upload as the HTTP API shows it: as Dify shows one, so that a client of Dify understands it. */
export const uploadReply = z
  .object({
    id: z.string().describe('The `upload_file_id` of a question.'),
    name: z.string().describe('The name of the file.'),
    size: z.int().describe('In bytes.'),
    extension: z.string().describe('E.g. `png`. Empty if the name has none.'),
    mime_type: z.string().describe('E.g. `image/png`.'),
    created_by: z.string().describe('The documentId of the caller.'),
    created_at: seconds,
  })
  .meta({ id: 'Upload' });
export type UploadReply = Reply<typeof uploadReply>;

export function toUploadReply({ id, name, size, mimeType, createdAt }: Upload, owner: Owner): UploadReply {
  return {
    id,
    name,
    size,
    extension: extensionOf(name),
    mime_type: mimeType,
    created_by: owner.documentId,
    created_at: Math.floor(createdAt.getTime() / 1000),
  };
}

/** Returns e.g. `png`; an empty text if the name has no extension. */
export function extensionOf(name: string): string {
  return /\.([^.]+)$/u.exec(name)?.[1]?.toLowerCase() ?? '';
}
