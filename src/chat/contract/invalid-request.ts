import { z } from 'zod';

import { ChatError } from '../errors';

/** Returns an error with all problems of a request: as text for people, and by field in the details. */
export function toInvalidRequest(error: z.ZodError): ChatError {
  const problems = error.issues.map(({ path, message }) => ({ path: path.map(String), message }));
  // A field may also come from a query string or a frame. So only a problem of the whole value says `body`.
  const sentence = problems.map(({ path, message }) => `${path.join('.') || 'body'} ${message}.`).join(' ');
  return new ChatError('invalid-request', { sentence, details: { errors: problems } });
}

/** Returns an error with this sentence. The sentence can quote the client. */
export function invalidRequest(sentence: string): ChatError {
  return new ChatError('invalid-request', { sentence: sentence.toWellFormed() });
}

/** Returns the same error as a schema that refuses a field. */
export function invalidField(path: readonly PropertyKey[], message: string): ChatError {
  return toInvalidRequest(new z.ZodError([{ code: 'custom', path: [...path], message, input: undefined }]));
}

/** Parses a value by a schema. @throws ChatError `invalid-request` with all problems. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw toInvalidRequest(result.error);
  return result.data;
}

/** Returns a schema for a whole number, which can be text from a query string. */
export const wholeNumber = (min: number, max: number) =>
  z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(min, `must be at least ${min}`)
    .max(max, `can be at most ${max}`);

/** Returns a schema for the size of a list's part, which can be text from a query string. It cuts a larger size. */
export const listLimit = (max: number) =>
  z.coerce
    .number('must be a number')
    .min(1, 'must be at least 1')
    .transform((limit) => Math.min(limit, max))
    .pipe(z.number().int('must be a whole number'));
