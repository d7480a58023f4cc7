import { z } from 'zod';

import { toInvalidRequest } from '../../../src/chat/contract/invalid-request';

function refusal(schema: z.ZodType, body: unknown) {
  const { error } = schema.safeParse(body);
  return toInvalidRequest(error ?? new z.ZodError([]));
}

describe('toInvalidRequest', () => {
  const schema = z.object(
    { data: z.object({ a: z.string('must be text'), b: z.number('must be a number') }) },
    'must be an object',
  );

  it('lists every problem with its field in the sentence and in the details', () => {
    const error = refusal(schema, { data: { a: 1, b: 'x' } });
    expect(error).toMatchObject({
      code: 'invalid-request',
      message: 'data.a must be text. data.b must be a number.',
      details: {
        errors: [
          { path: ['data', 'a'], message: 'must be text' },
          { path: ['data', 'b'], message: 'must be a number' },
        ],
      },
    });
  });

  it('names a top-level field in the same way for a body, a query string and a frame', () => {
    const error = refusal(z.object({ page: z.number('must be a number') }), { page: 'x' });
    expect(error.message).toBe('page must be a number.');
  });

  it('calls the root value the body', () => {
    expect(refusal(schema, 7).message).toBe('body must be an object.');
  });
});
