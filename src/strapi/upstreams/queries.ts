import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import { keyField } from './fields';

type Data = Readonly<Record<string, unknown>>;

interface QueryParams {
  transform(uid: string, params: Data): Data;
}

/** Refuses queries that name the key. The admin panel reads some relations without the Document Service. */
export function refuseQueries(strapi: Core.Strapi): void {
  const queryParams = strapi.get('query-params') as QueryParams;
  const { transform } = queryParams;
  queryParams.transform = (uid, params) => {
    const { filters, sort, fields, populate } = params;
    if (namesKey({ filters, sort, fields, populate })) {
      throw new errors.ValidationError(`No query can use ${keyField}. Remove it from the query.`);
    }
    return transform(uid, params);
  };
}

/** Returns whether part of a query names the key. Lists of fields and sort keys are texts. Filters are objects. */
function namesKey(part: unknown, isFilter = false): boolean {
  if (typeof part === 'string') return !isFilter && fieldNames(part).includes(keyField);
  if (!isPlain(part)) return false;
  return Object.entries(part).some(
    ([name, inner]) => name === keyField || namesKey(inner, isFilter || name === 'filters'),
  );
}

/** Returns the fields in a text like `name:asc,ai_character.name:desc`. */
const fieldNames = (text: string): string[] =>
  text.split(',').map((one) => one.split(':')[0]?.split('.').at(-1)?.trim() ?? '');

/** A query can contain a knex builder, which refers to the whole database. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
