import type { z } from 'zod';

import { isShallow } from '../shared/json-depth';
import { toStorableText } from '../shared/storable-text';

/** Parts of request schemas that take a limit. */

const maxJsonDepth = 8;

/**
 * Bounds JSON that is stored as it was sent: lists show a hundred of such values in one reply. The depth is checked first,
 * because everything after it walks the value by recursion.
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

/** Bounds text and makes it storable. */
export function boundedText(text: z.ZodString, maxChars: number) {
  return text.max(maxChars, `can be at most ${maxChars} characters long`).transform(toStorableText);
}
