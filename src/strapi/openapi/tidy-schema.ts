import { isJson } from './json';

/**
 * Returns a schema without what only zod means by it. A reply can get further keys in a later version, so a client must
 * not refuse them. The bounds of safe integers say nothing.
 */
export function tidySchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidySchema);
  if (!isJson(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      isNoise(key, inner) ? [] : [[key, tidyInner(key, inner)] as const],
    ),
  );
}

/** The names of properties are no keywords. */
function tidyInner(key: string, inner: unknown): unknown {
  if (key !== 'properties' || !isJson(inner)) return tidySchema(inner);
  return Object.fromEntries(Object.entries(inner).map(([name, schema]) => [name, tidySchema(schema)]));
}

function isNoise(key: string, inner: unknown): boolean {
  if (key === 'additionalProperties') return inner === false;
  if (key === 'readOnly' || key === 'propertyNames' || key === '$schema' || key === 'x-strapi-serialize')
    return true;
  return typeof inner === 'number' && Math.abs(inner) === Number.MAX_SAFE_INTEGER;
}
