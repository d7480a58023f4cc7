import type { z } from 'zod';

import { ChatError } from './errors';

/** What is wrong with a request, all of it: in one sentence for people, and field by field in the details. */
export function toInvalidRequest(error: z.ZodError): ChatError {
  const problems = error.issues.map(({ path, message }) => ({ path: path.map(String), message }));
  // A field may stand in the query string or in a frame as well: only the whole is called by where it stands.
  const sentence = problems.map(({ path, message }) => `${path.join('.') || 'body'} ${message}.`).join(' ');
  return new ChatError('invalid-request', { sentence, details: { errors: problems } });
}
