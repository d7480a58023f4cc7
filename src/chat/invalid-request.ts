import type { z } from 'zod';

import { ChatError } from './errors';

/** What is wrong with a body, all of it: in one sentence for people, and field by field in the details. */
export function toInvalidRequest(error: z.ZodError): ChatError {
  const problems = error.issues.map(({ path, message }) => ({ path: path.map(String), message }));
  const sentence = problems
    .map(({ path, message }) => `${['body', ...path].join('.')} ${message}.`)
    .join(' ');
  return new ChatError('invalid-request', {
    sentence: sentence.replaceAll('body.data', 'data'),
    details: { errors: problems },
  });
}
