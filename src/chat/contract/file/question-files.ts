import { z } from 'zod';

import { fileTypes, type QuestionFile } from '../../model/file';
import { toStorableText } from '../../shared/storable-text';

const maxUrlChars = 2_048;

const type = z.enum(fileTypes, `must be one of ${fileTypes.join(', ')}`).describe('The kind of the file.');
const isUploadId = 'The `id` of an own upload for this character.';
const isAllowedUrl = 'An address on a host that the operator allows.';

const fileSchema = z.discriminatedUnion(
  'transfer_method',
  [
    z.object({
      type,
      transfer_method: z.literal('local_file'),
      upload_file_id: z
        .string('must be the id of an upload')
        .min(1, 'must be the id of an upload')
        .max(255, 'is too long to be an id')
        .transform(toStorableText)
        .describe(isUploadId),
    }),
    z.object({
      type,
      transfer_method: z.literal('remote_url'),
      url: z
        .string('must be an http or https address')
        .max(maxUrlChars, `can be at most ${maxUrlChars} characters long`)
        .refine(isWebAddress, 'must be an http or https address')
        .transform((url) => new URL(url).href)
        .describe(isAllowedUrl),
    }),
  ],
  'must be an object with transfer_method: "local_file" or "remote_url"',
);

/** A file of a question, as replies show it. */
export const questionFileReply = z
  .discriminatedUnion('transfer_method', [
    z.object({
      type,
      transfer_method: z.literal('local_file'),
      upload_file_id: z.string().describe(isUploadId),
    }),
    z.object({
      type,
      transfer_method: z.literal('remote_url'),
      url: z.string().describe(isAllowedUrl),
    }),
  ])
  .meta({ id: 'QuestionFile' }) satisfies z.ZodType<QuestionFile>;

/** The files of a question, as Dify takes them. Clients of Dify send null or an empty list for none. */
export function questionFilesSchema(maxFiles: number) {
  return z
    .array(fileSchema, 'must be a list of files')
    .max(
      maxFiles,
      maxFiles === 0 ? 'must be empty: this server takes no files' : `can have at most ${maxFiles} files`,
    )
    .nullish()
    .transform((files): readonly QuestionFile[] => files ?? []);
}

function isWebAddress(url: string): boolean {
  return URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol);
}
