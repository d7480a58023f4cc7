import fc from 'fast-check';

type Json = Readonly<Record<string, unknown>>;

/** Returns values that a JSON Schema of the OpenAPI document allows. `resolve` returns a component by its reference. */
export function arbitraryOf(schema: Json, resolve: (reference: string) => Json): fc.Arbitrary<unknown> {
  const of = (inner: unknown) => arbitraryOf((inner ?? {}) as Json, resolve);
  const { $ref, const: constant, enum: values, anyOf, oneOf, type } = schema;
  if (typeof $ref === 'string') return of(resolve($ref));
  if (constant !== undefined) return fc.constant(constant);
  if (Array.isArray(values)) return fc.constantFrom(...(values as readonly unknown[]));
  const options = (anyOf ?? oneOf) as readonly unknown[] | undefined;
  if (options !== undefined) return fc.oneof(...options.map(of));
  switch (type) {
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.integer(boundsOf(schema));
    case 'number':
      return fc.double({ ...boundsOf(schema), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(of(schema['items']), { maxLength: 3 });
    case 'object':
      return objectOf(schema, of);
    default:
      return anyJson;
  }
}

/** Any JSON, also what no schema allows. */
export const anyJson: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });

function textOf({ maxLength, format }: Json): fc.Arbitrary<string> {
  if (format === 'date')
    return fc.date({ noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10));
  const max = typeof maxLength === 'number' ? Math.min(maxLength, 40) : 40;
  return fc.oneof(fc.string({ maxLength: max }), fc.string({ maxLength: max, unit: 'binary' }), fc.uuid());
}

function boundsOf({ minimum = -10, maximum = 1_000 }: Json): { min: number; max: number } {
  return { min: Number(minimum), max: Number(maximum) };
}

function objectOf(
  { properties = {}, required = [], additionalProperties }: Json,
  of: (schema: unknown) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const named = Object.fromEntries(
    Object.entries(properties as Json).map(([name, inner]) => [name, of(inner)]),
  );
  if (Object.keys(named).length === 0)
    return fc.dictionary(fc.string({ maxLength: 10 }), of(additionalProperties), { maxKeys: 3 });
  return fc.record(named, { requiredKeys: required as string[] });
}
