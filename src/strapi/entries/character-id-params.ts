import { errors, isOperatorOfType } from '@strapi/utils';

import { isRowId } from '../../database/sql/row-id';

/** Finds characters in the requests and replies of Strapi's own routes, for every content type that relates to them. */

export interface Attribute {
  readonly type: string;
  readonly target?: string;
  readonly component?: string;
}

export interface Schema {
  readonly uid: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface Schemas {
  readonly characterUid: string;
  /** Undefined for a type that does not exist. */
  readonly getSchema: (uid: string) => Schema | undefined;
}

type Data = Record<string, unknown>;

/** Returns the characters in an entry or a list of entries, at any depth of the populated data. */
export function entriesOf(data: unknown, schema: Schema, schemas: Schemas): Data[] {
  if (Array.isArray(data)) return data.flatMap((entry) => entriesOf(entry, schema, schemas));
  if (!isObject(data)) return [];
  const own = schema.uid === schemas.characterUid ? [data] : [];
  const populated = Object.entries(data).flatMap(([name, value]) => {
    if (!isObject(value) && !Array.isArray(value)) return [];
    const attribute = schema.attributes[name];
    return asList(value).flatMap((entry) => {
      const target = attribute === undefined ? undefined : schemaOf(attribute, entry, schemas);
      return target === undefined ? [] : entriesOf(entry, target, schemas);
    });
  });
  return [...own, ...populated];
}

/**
 * Returns the schema of a relation, a picture or a component. If it can have several types, the entry names its own.
 */
function schemaOf(attribute: Attribute, entry: unknown, { getSchema }: Schemas): Schema | undefined {
  const ownType = isObject(entry) ? (entry['__type'] ?? entry['__component']) : undefined;
  const uid =
    attribute.type === 'media' ? 'plugin::upload.file' : (attribute.target ?? attribute.component ?? ownType);
  return typeof uid === 'string' ? getSchema(uid) : undefined;
}

/**
 * Returns the query of a list with `numeric_id` in place of a character's `id`.
 * @throws ValidationError if a field is compared with an unsuitable value. Strapi itself would reply with 500.
 */
export function toNumericIds(query: Data, schema: Schema, schemas: Schemas): Data {
  const { filters, sort, populate } = query;
  return {
    ...query,
    ...(filters !== undefined && { filters: inFilters(filters, schema, schemas) }),
    ...(sort !== undefined && { sort: inSort(sort, schema, schemas) }),
    ...(populate !== undefined && { populate: inPopulate(populate, schema, schemas) }),
  };
}

function inFilters(filters: unknown, schema: Schema, schemas: Schemas): unknown {
  if (Array.isArray(filters)) return filters.map((item) => inFilters(item, schema, schemas));
  if (!isObject(filters)) return filters;
  return mapEntries(filters, (name, value) => {
    const target = targetOf(schema, name, schemas);
    if (target !== undefined) return [name, inRelation(value, target, schemas)];
    if (name.startsWith('$')) return [name, inFilters(value, schema, schemas)];
    const field = toField(schema, name, schemas);
    assertComparable(name, attributeOf(schema, field), value);
    return [field, value];
  });
}

/** Returns the attribute of a field. Every content type has a documentId, which its schema does not name. */
function attributeOf({ attributes }: Schema, field: string): Attribute | undefined {
  return field === 'documentId' ? { type: 'string' } : attributes[field];
}

const texts = /^(string|text|richtext|email|enumeration|uid|password)$/u;
const numbers = /^(integer|biginteger|float|decimal)$/u;
const textOperators = /^\$(contains|notContains|startsWith|endsWith)$/u;

/**
 * Checks that Strapi can compare a field with a value.
 * @throws ValidationError for a comparison that would make Strapi or the database fail.
 */
function assertComparable(
  field: string,
  attribute: Attribute | undefined,
  value: unknown,
  operator = '$eq',
): void {
  if (Array.isArray(value)) {
    for (const item of value) assertComparable(field, attribute, item, operator);
  } else if (isObject(value)) {
    for (const [key, compared] of Object.entries(value)) {
      if (!isOperatorOfType('where', key)) {
        throw new errors.ValidationError(`${key} is no operator for the field ${field}.`);
      }
      if (key === '$between' && !(Array.isArray(compared) && compared.length === 2)) {
        throw new errors.ValidationError(`The operator $between of the field ${field} must have two values.`);
      }
      assertComparable(field, attribute, compared, key);
    }
  } else if (textOperators.test(operator) && (attribute === undefined || !texts.test(attribute.type))) {
    throw new errors.ValidationError(`The field ${field} is no text, so ${operator} cannot search in it.`);
  } else if (attribute !== undefined && numbers.test(attribute.type) && isOperatorOfType('cast', operator)) {
    if (!isNumeric(value))
      throw new errors.ValidationError(`The field ${field} must be compared with a number.`);
  }
}

function isNumeric(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '' && Number.isFinite(Number(value));
  return value === null || (typeof value === 'number' && Number.isFinite(value));
}

/**
 * Converts the filter of a relation. `filters[ai_character]=7` and `filters[ai_character][$in][0]=7` compare the id.
 */
function inRelation(value: unknown, target: Schema, schemas: Schemas): unknown {
  const isCompared = !isObject(value) || Object.keys(value).every((key) => comparison.test(key));
  if (target.uid !== schemas.characterUid || !isCompared) return inFilters(value, target, schemas);
  const isDocumentId = typeof value === 'string' && !isRowId(value);
  if (isDocumentId) return { documentId: value };
  assertComparable('ai_character', target.attributes['numeric_id'], value);
  return { numeric_id: value };
}

/** Matches Strapi's operators that compare, but not those that group. */
const comparison = /^\$(?!(and|or|not)$)/u;

function inSort(sort: unknown, schema: Schema, schemas: Schemas): unknown {
  if (typeof sort === 'string') {
    return sort
      .split(',')
      .map((key) => inPath(key.trim(), schema, schemas))
      .join(',');
  }
  if (Array.isArray(sort)) return sort.map((item) => inSort(item, schema, schemas));
  if (!isObject(sort)) return sort;
  return mapEntries(sort, (name, value) => {
    const target = targetOf(schema, name, schemas);
    return target === undefined
      ? [toField(schema, name, schemas), value]
      : [name, inSort(value, target, schemas)];
  });
}

/** Converts a path such as `ai_character.id:desc`. */
function inPath(path: string, schema: Schema, schemas: Schemas): string {
  const [name = '', ...rest] = path.split('.');
  const target = targetOf(schema, name, schemas);
  if (target !== undefined && rest.length > 0) return `${name}.${inPath(rest.join('.'), target, schemas)}`;
  const [field = '', ...order] = path.split(':');
  return [toField(schema, field, schemas), ...order].join(':');
}

function inPopulate(populate: unknown, schema: Schema, schemas: Schemas): unknown {
  if (!isObject(populate)) return populate;
  return mapEntries(populate, (name, value) => {
    const target = targetOf(schema, name, schemas);
    return [name, target === undefined || !isObject(value) ? value : toNumericIds(value, target, schemas)];
  });
}

function toField(schema: Schema, name: string, { characterUid }: Schemas): string {
  return name === 'id' && schema.uid === characterUid ? 'numeric_id' : name;
}

function targetOf(schema: Schema, name: string, schemas: Schemas): Schema | undefined {
  const attribute = schema.attributes[name];
  return attribute === undefined ? undefined : schemaOf(attribute, undefined, schemas);
}

function mapEntries(object: Data, map: (name: string, value: unknown) => [string, unknown]): Data {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => map(name, value)));
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function isObject(value: unknown): value is Data {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
