import { z } from 'zod';

import { ChatError } from '../errors';

/** What is wrong with a request, all of it: in one sentence for people, and field by field in the details. */
export function toInvalidRequest(error: z.ZodError): ChatError {
  const problems = error.issues.map(({ path, message }) => ({ path: path.map(String), message }));
  // A field may stand in the query string or in a frame as well: only the whole is called by where it stands.
  const sentence = problems.map(({ path, message }) => `${path.join('.') || 'body'} ${message}.`).join(' ');
  return new ChatError('invalid-request', { sentence, details: { errors: problems } });
}

/** @throws ChatError `invalid-request` with all that is wrong. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw toInvalidRequest(result.error);
  return result.data;
}

/** A whole number, also as the text that a query string has. */
export const wholeNumber = (min: number, max: number) =>
  z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(min, `must be at least ${min}`)
    .max(max, `can be at most ${max}`);
