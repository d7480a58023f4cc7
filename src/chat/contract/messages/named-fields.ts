import { z } from 'zod';

import { invalidRequest } from '../invalid-request';

/** The parameter as the OpenAPI document shows it. */
export const fieldsParameter = {
  fields: z.string().optional().describe('Names of fields with commas. Default: all.'),
};

/** The fields that a client has named. Null means all. */
export type NamedFields = ReadonlySet<string> | null;

/**
 * Parses names of fields in Strapi's notation: `a,b` or `[0]=a&[1]=b`. `*` and no name mean all.
 * @throws ChatError `invalid-request` with the name of the parameter.
 */
export function parseNamedFields(parameter: string, value: unknown, known: readonly string[]): NamedFields {
  const names = toNames(parameter, value);
  if (names.length === 0 || names.includes('*')) return null;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw invalidRequest(`${parameter} can name ${known.join(', ')}; not "${unknown.slice(0, 100)}".`);
  }
  return new Set(names);
}

/** Returns the names in a text, a list or an object of lists. */
export function toNames(parameter: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return value.split(',').flatMap((name) => name.trim() || []);
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).flatMap((name: unknown) => toNames(parameter, name));
  }
  throw invalidRequest(`${parameter} must be names of fields, e.g. ${parameter}=id.`);
}

/** Returns the named entries of an object, in its order. */
export function pick<T extends object>(object: T, names: NamedFields): T {
  if (names === null) return object;
  return Object.fromEntries(Object.entries(object).filter(([name]) => names.has(name))) as T;
}
