import { z } from 'zod';

import { toRequest } from '../../src/http/operation';

const description = { id: 'test', summary: 'Test', reply: {} };

/** Returns the JSON Schema that Strapi's generator shows. */
function shown(schema: z.ZodType | undefined): unknown {
  const { $schema: _, ...json } = z.toJSONSchema(schema ?? z.never(), { io: 'output' });
  return json;
}

describe('toRequest', () => {
  it('takes the parameters of the path', () => {
    const { params } = toRequest('/users/:user_id/sessions/:id', description);

    expect(Object.keys(params ?? {})).toEqual(['user_id', 'id']);
  });

  it('shows what the parser of a body takes, not what it returns', () => {
    const body = z.object({
      number: z.string().transform(Number),
      withDefault: z.int().default(1),
      preprocessed: z.preprocess((value) => value ?? undefined, z.string().optional()),
    });

    expect(shown(toRequest('/', { ...description, body }).body?.['application/json'])).toMatchObject({
      type: 'object',
      properties: {
        number: { type: 'string' },
        withDefault: { type: 'integer' },
        preprocessed: { type: 'string' },
      },
      required: ['number'],
    });
  });

  it('names no required key where all are optional', () => {
    const body = z.object({ title: z.string().trim().optional() });

    expect(shown(toRequest('/', { ...description, body }).body?.['application/json'])).not.toHaveProperty(
      'required',
    );
  });

  it('requires a parameter of the query string only if its parser does', () => {
    const query = { q: z.string().trim(), page: z.coerce.number().default(1) };
    const request = toRequest('/', { ...description, query });

    expect(request.query?.['q']?.isOptional()).toBe(false);
    expect(request.query?.['page']?.isOptional()).toBe(true);
    expect(shown(request.query?.['page'])).toMatchObject({ type: 'number' });
  });
});
