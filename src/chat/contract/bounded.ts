import { z } from 'zod';

import { isShallow } from '../shared/json-depth';
import { toStorableText } from '../shared/storable-text';
import { invalidField } from './invalid-request';

/** Parts of request schemas that have a limit. */

const maxJsonDepth = 8;

/**
 * Limits JSON that is stored unchanged: a list can show a hundred such values in one reply. Checks the depth first,
 * because all later steps are recursive.
 */
export function boundedJson<Schema extends z.ZodType>(schema: Schema, maxChars: number) {
  return schema
    .refine((value) => isShallow(value, maxJsonDepth), {
      error: `can be nested at most ${maxJsonDepth} levels deep`,
      abort: true,
    })
    .refine(
      (value) => JSON.stringify(value ?? null).length <= maxChars,
      `can be at most ${maxChars} characters of JSON`,
    );
}

/** Limits the length of text and makes it storable. */
export function boundedText(text: z.ZodString, maxChars: number) {
  return text.max(maxChars, `can be at most ${maxChars} characters long`).transform(toStorableText);
}

const isCharacterId = 'must be the documentId of an AI character';

/** The `documentId` or the `id` of a character. */
export const characterIdSchema = z
  .union([z.string().trim(), z.number()], isCharacterId)
  .transform(String)
  .refine((id) => id !== '' && id !== '0' && id.length <= 64 && !/^-|\./u.test(id), isCharacterId);

/**
 * Returns the list up to its first wrong item. A schema reports each wrong item, which blocks the event loop for seconds
 * if there are many.
 */
export function upToFirstProblem(list: readonly unknown[], item: z.ZodType): readonly unknown[] {
  const wrong = list.findIndex((one) => !item.safeParse(one).success);
  return wrong === -1 ? list : list.slice(0, wrong + 1);
}

/** More parts in one message are refused. */
const maxParts = 1_000;

/**
 * Checks how many parts a message has, before a schema checks each of them.
 * @param path where the parts are, e.g. `messages`, `0`, `content`.
 * @throws ChatError `invalid-request`
 */
export function assertFewParts(parts: unknown, path: readonly PropertyKey[]): void {
  if (Array.isArray(parts) && parts.length > maxParts)
    throw invalidField(path, `can have at most ${maxParts} parts`);
}
