import type { Context } from 'koa';
import { z } from 'zod';

import { invalidRequest } from '../../chat';

/** For the routes whose replies show a character. */
export const localeParameter = {
  locale: z
    .string()
    .max(35)
    .regex(/^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$/u)
    .optional()
    .describe(
      'The locale of the texts of characters, e.g. `zh`. A character without published texts in it ' +
        'has those of the default locale.',
    ),
};

/**
 * Returns the locale of `?locale=`, in which the client reads the texts of characters. Null without one.
 * @throws ChatError `invalid-request`
 */
export function localeOf({ query }: Pick<Context, 'query'>): string | null {
  const { locale: given } = query;
  if (given === undefined || given === '') return null;
  const parsed = localeParameter.locale.safeParse(given);
  if (!parsed.success) throw invalidRequest('locale must be the code of one locale, e.g. zh.');
  return parsed.data ?? null;
}
