import { contentTypes } from '@strapi/utils';

/** The part of a Strapi schema that this file reads. */
export interface Model {
  readonly uid: string;
  readonly attributes: Readonly<
    Record<
      string,
      { readonly type?: string; readonly relation?: string; readonly target?: string } | undefined
    >
  >;
}

export type GetModel = (uid: string) => Model | undefined;

type Query = Readonly<Record<string, unknown>>;

/** Operators of `publishedAt` that match no draft, because a draft has no such date. */
const harmless: ReadonlySet<string> = new Set(['$gt', '$gte', '$lt', '$lte', '$between']);
const ids: ReadonlySet<string> = new Set(['id', 'documentId']);

/**
 * Returns whether a query of the content API can show a draft, or can depend on its content. It can have a status
 * other than `published`. Its filters can replace the one by which Strapi hides drafts. Its filters and sorting can
 * follow a relation of a type without drafts, which can link to a draft row. It can populate the uses of a picture
 * (`related`), which Strapi populates with drafts.
 */
export function asksForDrafts(getModel: GetModel, uid: string, query: Query): boolean {
  const model = getModel(uid);
  if (model === undefined) return false;
  const { status = 'published', publicationFilter, hasPublishedVersion, filters } = query;
  if (status !== 'published' || publicationFilter !== undefined || hasPublishedVersion !== undefined)
    return true;
  const { publishedAt } = toObject(filters);
  if (publishedAt !== undefined && hasDrafts(model) && !isHarmless(publishedAt)) return true;
  return reaches(query, model);

  /** Returns whether filters or sorting follow such a relation, here or in a populated entry. */
  function reaches(part: Query, from: Model): boolean {
    return (
      filterReaches(part['filters'], from) ||
      sortPaths(part['sort']).some((path) => pathReaches(path, from)) ||
      populated(part['populate']).some(([name, inner]) => {
        if (name === '*') return Object.values(from.attributes).some(isOfAnyType);
        const target = targetOf(from, name);
        return isOfAnyType(from.attributes[name]) || (target !== undefined && reaches(inner, target));
      })
    );
  }

  function filterReaches(filter: unknown, from: Model): boolean {
    if (Array.isArray(filter)) return filter.some((one) => filterReaches(one, from));
    return Object.entries(toObject(filter)).some(([key, value]) => {
      if (key.startsWith('$')) return filterReaches(value, from);
      const target = targetOf(from, key);
      if (target === undefined) return false;
      return linksToDrafts(from, target) ? namesMoreThanIds(value) : filterReaches(value, target);
    });
  }

  function pathReaches([name, ...rest]: readonly string[], from: Model): boolean {
    const target = name === undefined ? undefined : targetOf(from, name);
    if (target === undefined) return false;
    return linksToDrafts(from, target) ? !ids.has(rest[0] ?? 'id') : pathReaches(rest, target);
  }

  function targetOf({ attributes }: Model, name: string): Model | undefined {
    const attribute = attributes[name];
    if (attribute?.type === 'media') return getModel('plugin::upload.file');
    return attribute?.target === undefined ? undefined : getModel(attribute.target);
  }
}

const isOfAnyType = (attribute: Model['attributes'][string]): boolean =>
  attribute?.relation?.startsWith('morph') ?? false;
const hasDrafts = (model: Model): boolean => contentTypes.hasDraftAndPublish(model as never);
const linksToDrafts = (from: Model, target: Model): boolean => !hasDrafts(from) && hasDrafts(target);

const toObject = (value: unknown): Query =>
  typeof value === 'object' && value !== null ? (value as Query) : {};

const isHarmless = (condition: unknown): boolean =>
  typeof condition === 'object' &&
  condition !== null &&
  Object.keys(condition).every((key) => harmless.has(key));

function namesMoreThanIds(condition: unknown): boolean {
  if (Array.isArray(condition)) return condition.some(namesMoreThanIds);
  return Object.entries(toObject(condition)).some(([key, value]) =>
    key.startsWith('$') ? namesMoreThanIds(value) : !ids.has(key),
  );
}

/** Returns the names on the way of each sort key. It accepts `a.b:asc,c`, lists of these, and objects. */
function sortPaths(sort: unknown): string[][] {
  if (typeof sort === 'string') {
    return sort.split(',').map((one) => (one.split(':')[0] ?? '').trim().split('.'));
  }
  return Object.entries(toObject(sort)).flatMap(([key, value]) => {
    if (/^\d+$/u.test(key)) return sortPaths(value);
    const inner = typeof value === 'object' ? sortPaths(value) : [];
    return inner.length === 0 ? [[key]] : inner.map((path) => [key, ...path]);
  });
}

/** Returns the populated fields, each with its query. `*` is everything. */
function populated(populate: unknown): [name: string, query: Query][] {
  if (populate === true || populate === 'true') return [['*', {}]];
  if (typeof populate === 'string') {
    return populate.split(',').map((path) => {
      const [name = '', ...rest] = path.trim().split('.');
      return [name, rest.length === 0 ? {} : { populate: rest.join('.') }];
    });
  }
  return Object.entries(toObject(populate)).flatMap(([name, inner]) =>
    /^\d+$/u.test(name) ? populated(inner) : [[name, toObject(inner)] as [string, Query]],
  );
}
