import { z } from 'zod';

const isCharacterId = 'must be the documentId of an AI character';

/** The `documentId` or the `id` of a character. */
export const characterIdSchema = z
  .union([z.string().trim(), z.number()], isCharacterId)
  .transform(String)
  .refine((id) => id !== '' && id !== '0' && id.length <= 64 && !/^-|\./u.test(id), isCharacterId);
