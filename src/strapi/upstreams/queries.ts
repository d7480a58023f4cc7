import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import { keyField } from './fields';
import { characterUid } from '../../database/characters/uid';

type Data = Readonly<Record<string, unknown>>;

interface QueryParams {
  transform(uid: string, params: Data): Data;
}

interface Attribute {
  readonly type: string;
  readonly target?: string;
  readonly component?: string;
}

/** Returns the attributes of a type by its uid; undefined for another word. */
export type FindAttributes = (uid: string) => Readonly<Record<string, Attribute>> | undefined;

interface LocalizedTypes {
  getNonLocalizedAttributes(model: { readonly uid: string }): string[];
}

/**
 * Leaves the key out of what the form of a new locale reads of the other locales. Strapi reads them without the Document
 * Service, and `refuseQueries` would refuse it.
 */
export function hideKeyFromLocales(strapi: Core.Strapi): void {
  const types = strapi.plugin('i18n').service('content-types') as LocalizedTypes;
  const { getNonLocalizedAttributes } = types;
  types.getNonLocalizedAttributes = (model) =>
    getNonLocalizedAttributes(model).filter((name) => model.uid !== characterUid || name !== keyField);
}

/** Refuses queries that name the key. The admin panel reads some relations without the Document Service. */
export function refuseQueries(strapi: Core.Strapi): void {
  const queryParams = strapi.get('query-params') as QueryParams;
  const { transform } = queryParams;
  const find: FindAttributes = (uid) => strapi.getModel(uid as 'admin::user')?.attributes as never;
  queryParams.transform = (uid, params) => {
    const { filters, sort, fields, populate } = params;
    if (usesKey(find, uid, { filters, sort, fields, populate })) {
      throw new errors.ValidationError(`No query can use ${keyField}. Remove it from the query.`);
    }
    return transform(uid, params);
  };
}

/**
 * Returns whether a query of a type names the key of characters, also through relations. Other types can have a field
 * with the same name.
 */
export function usesKey(find: FindAttributes, uid: string, query: Data): boolean {
  return namesKey(uid, query);

  /** @param type null if nobody knows the type, for example behind a relation to any type. Then the name decides. */
  function namesKey(type: string | null, part: unknown, isFilter = false): boolean {
    if (typeof part === 'string') return !isFilter && fieldsIn(part).some((field) => isKey(type, field));
    if (!isPlain(part)) return false;
    return Object.entries(part).some(
      ([name, inner]) =>
        isKey(type, [name]) || namesKey(typeOf(type, name), inner, isFilter || name === 'filters'),
    );
  }

  function isKey(type: string | null, field: readonly string[]): boolean {
    const owner = field.slice(0, -1).reduce(typeOf, type);
    return field.at(-1) === keyField && (owner === null || owner === characterUid);
  }

  /** Returns the type to which a word of a query leads: a relation, a component, or an operator. */
  function typeOf(type: string | null, name: string): string | null {
    if (find(name) !== undefined) return name;
    const attribute = type === null ? undefined : find(type)?.[name];
    if (attribute === undefined) return type;
    return attribute.target ?? attribute.component ?? null;
  }
}

/** Returns the fields in a text like `name:asc,ai_character.name:desc`, each with the relations that lead to it. */
const fieldsIn = (text: string): string[][] =>
  text.split(',').map((one) => (one.split(':')[0] ?? '').split('.').map((name) => name.trim()));

/** A query can contain a knex builder, which refers to the whole database. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
