import { tidySchema } from '../../../src/strapi/openapi/tidy-schema';

describe('tidySchema', () => {
  it('allows keys that a later version may add', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false };

    expect(tidySchema(schema)).toEqual({ type: 'object', properties: { a: { type: 'string' } } });
  });

  it('keeps the schema of the values of a record', () => {
    const schema = {
      type: 'object',
      propertyNames: { type: 'string' },
      additionalProperties: { type: 'string' },
    };

    expect(tidySchema(schema)).toEqual({ type: 'object', additionalProperties: { type: 'string' } });
  });

  it('keeps that an object has other keys', () => {
    const schema = { type: 'object', properties: {}, additionalProperties: {} };

    expect(tidySchema(schema)).toEqual(schema);
  });

  it('leaves out the bounds of safe integers only', () => {
    const integer = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };

    expect(tidySchema({ items: [integer] })).toEqual({ items: [{ type: 'integer', minimum: 1 }] });
  });

  it('keeps a property that has the name of a keyword', () => {
    const schema = { properties: { additionalProperties: false, propertyNames: { type: 'string' } } };

    expect(tidySchema(schema)).toEqual(schema);
  });
});
