import { z } from 'zod';

import { boundedText } from '../bounded';
import { parse } from '../invalid-request';
import { ratings } from '../../model/message';
import { isBlank } from '../../shared/blank-text';

/** A user's opinion of an answer. */
export interface Feedback {
  /** Null removes the rating. */
  readonly rating: (typeof ratings)[number] | null;
  /** A comment for the operators of the Dify app. This server does not save it. */
  readonly content: string | undefined;
}

const maxContentChars = 2_000;

/** The fields of a feedback. The Dify API has them outside of `data`. */
export const feedbackFields = z.object(
  {
    rating: z
      .enum(ratings, 'must be "like", "dislike" or null')
      .nullable()
      .describe('Null removes the rating.'),
    content: boundedText(z.string('must be text'), maxContentChars)
      .nullish()
      .transform((text) => (text && !isBlank(text) ? text : undefined))
      .describe('The reason. The server passes it on to Dify and does not keep it.'),
  },
  'must be an object with rating',
);

export const feedbackBody = z.object({ data: feedbackFields }, 'must be {"data": {"rating": …}}');

/**
 * Parses `{ "data": { "rating", "content"? } }`. Ignores other keys.
 * @throws ChatError `invalid-request` with the name of the wrong field.
 */
export function parseFeedback(body: unknown): Feedback {
  return parse(feedbackBody, body).data;
}
