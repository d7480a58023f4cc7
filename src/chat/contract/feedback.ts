import { z } from 'zod';

import { parse } from './invalid-request';
import { toStorableText } from '../shared/storable-text';

/** What a user thinks of an answer. */
export interface Feedback {
  /** Null takes it back. */
  readonly rating: 'like' | 'dislike' | null;
  /** For those who run the app in Dify; not kept here. */
  readonly content: string | undefined;
}

const maxContentChars = 2_000;

const schema = z.object(
  {
    data: z.object(
      {
        rating: z.enum(['like', 'dislike'], 'must be "like", "dislike" or null').nullable(),
        content: z
          .string('must be text')
          .max(maxContentChars, `can be at most ${maxContentChars} characters long`)
          .nullish()
          .transform((text) => (text?.trim() ? toStorableText(text) : undefined)),
      },
      'must be an object with rating',
    ),
  },
  'must be {"data": {"rating": …}}',
);

/**
 * `{ "data": { "rating", "content"? } }`. Other keys mean nothing here.
 * @throws ChatError `invalid-request` naming the field that is wrong.
 */
export function parseFeedback(body: unknown): Feedback {
  return parse(schema, body).data;
}
