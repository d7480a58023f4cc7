import { z } from 'zod';

import { invalidRequest } from '../invalid-request';
import { parseFilters, type FieldKinds } from './filter-syntax';
import { sortFields, type SortKey, type Cursor, type MessageQuery } from '../../model/message-query';

/** The fields of a message that a client may filter by. `ai_character.id` accepts any id of the character. */
const filterFields: FieldKinds = {
  id: 'integer',
  documentId: 'id',
  message_id: 'id',
  role: 'text',
  query: 'text',
  answer: 'text',
  conversation_id: 'id',
  session_id: 'id',
  turn_id: 'id',
  message_status: 'text',
  outcome: 'text',
  error_code: 'text',
  feedback: 'text',
  parent_message_id: 'id',
  is_superseded: 'boolean',
  createdAt: 'date',
  updatedAt: 'date',
  'session.session_id': 'id',
  'session.id': 'reference',
  'ai_character.id': 'reference',
  'ai_character.documentId': 'reference',
  'ai_character.name': 'text',
  'ai_character.introduce': 'text',
  'user.id': 'reference',
  'user.documentId': 'reference',
};

/** The parameters as the OpenAPI document shows them. `parseMessagePageRequest` also takes other notations of Strapi's. */
export const messageListParameters = {
  page: z.int().min(1).optional().describe('Default: 1. A page after the last one is empty.'),
  pageSize: z.int().min(1).optional().describe('Default: 20. More than 100 counts as 100.'),
  pagination: z
    .object({
      page: z.int().min(1).optional().describe('The same as `page`.'),
      pageSize: z.int().min(1).optional().describe('The same as `pageSize`.'),
      start: z
        .int()
        .min(0)
        .optional()
        .describe('The number of messages to skip. Not with `page` or `pageSize`.'),
      limit: z.int().min(1).optional().describe('Default: 20. More than 100 counts as 100.'),
    })
    .optional()
    .describe('The notation of Strapi: `page` and `pageSize`, or `start` and `limit`.'),
  sort: z
    .string()
    .optional()
    .describe('E.g. `createdAt:desc`, or several with commas. Without it, the newest come first.'),
  filters: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Conditions in the notation of Strapi, e.g. `filters[query][$containsi]=winter`.'),
  cursor: z
    .string()
    .optional()
    .describe('A `meta.nextCursor`: continues after that page. Not with `sort`, `start` or a later `page`.'),
};

/** The requested part of the list, in the client's own terms. The reply repeats them. */
export type Part =
  { readonly page: number; readonly pageSize: number } | { readonly start: number; readonly limit: number };

export interface MessagePageRequest {
  readonly query: MessageQuery;
  readonly part: Part;
}

const defaultPageSize = 20;
export const maxPageSize = 100;
/** Keeps the offset within the limits of both databases. No person opens such a page. */
const maxPage = 1_000_000;
const maxStart = maxPage * maxPageSize;

/**
 * Parses the query string of a message list: `page`, `pageSize`, `sort`, `filters`, `cursor`. Strapi's `pagination[…]`
 * can hold the first two, or `start` and `limit`. `parseReplyFields` parses `fields` and `populate`, and the owner has
 * the `locale`. The server accepts
 * `pagination[withCount]` for compatibility and ignores it: the reply always has the total.
 * @throws ChatError `invalid-request` with the name of the wrong parameter.
 */
export function parseMessagePageRequest(params: Readonly<Record<string, unknown>>): MessagePageRequest {
  const {
    page,
    pageSize,
    pagination,
    sort,
    filters,
    cursor,
    populate: _populate,
    fields: _fields,
    locale: _locale,
    ...unknown
  } = params;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) throw invalidRequest(`There is no parameter "${stranger.slice(0, 100)}".`);

  const part = parsePart({ page, pageSize, pagination });
  const range = toRange(part);
  const sortKeys = sort === undefined ? [] : parseSort(sort);
  const after = cursor === undefined ? null : parseCursor(cursor);
  if (after !== null && (sortKeys.length > 0 || range.offset > 0)) {
    throw invalidRequest(
      'cursor cannot be combined with sort, page or start: it goes from newest to oldest.',
    );
  }
  return {
    part,
    query: {
      filter: filters === undefined || filters === '' ? null : parseFilters(filters, filterFields),
      sort: sortKeys,
      ...range,
      cursor: after,
    },
  };
}

interface Paging {
  readonly page?: unknown;
  readonly pageSize?: unknown;
}

function parsePart({ page, pageSize, pagination }: Paging & { readonly pagination: unknown }): Part {
  const { start, limit, ...nested } = parsePagination(pagination);
  const paging = { page: page ?? nested.page, pageSize: pageSize ?? nested.pageSize };
  if (start === undefined && limit === undefined) return parsePaging(paging);
  if (paging.page !== undefined || paging.pageSize !== undefined)
    throw invalidRequest('pagination takes page and pageSize, or start and limit, not both.');
  return {
    start: parseWhole('pagination[start]', start, { fallback: 0, min: 0, max: maxStart }),
    limit: parseSize('pagination[limit]', limit),
  };
}

function parsePaging({ page, pageSize }: Paging): Part {
  return {
    page: parseWhole('page', page, { fallback: 1, min: 1, max: maxPage }),
    pageSize: parseSize('pageSize', pageSize),
  };
}

/** Parses a page size. A larger size than the maximum becomes the maximum, as in Strapi. */
function parseSize(name: string, value: unknown): number {
  return Math.min(parseWhole(name, value, { fallback: defaultPageSize, min: 1 }), maxPageSize);
}

function toRange(part: Part): Pick<MessageQuery, 'offset' | 'limit'> {
  if ('start' in part) return { offset: part.start, limit: part.limit };
  return { offset: (part.page - 1) * part.pageSize, limit: part.pageSize };
}

const paginationSchema = z
  .strictObject({
    page: z.unknown(),
    pageSize: z.unknown(),
    start: z.unknown(),
    limit: z.unknown(),
    withCount: z.unknown(),
  })
  .partial();

function parsePagination(pagination: unknown): z.output<typeof paginationSchema> {
  if (pagination === undefined) return {};
  const parsed = paginationSchema.safeParse(pagination);
  if (!parsed.success) throw invalidRequest('pagination takes page and pageSize, or start and limit.');
  return parsed.data;
}

function parseWhole(
  name: string,
  value: unknown,
  { fallback, min, max }: { readonly fallback: number; readonly min: number; readonly max?: number },
): number {
  if (value === undefined) return fallback;
  const number = typeof value === 'string' && /^\d+$/u.test(value) ? Number(value) : -1;
  if (number < min || (max !== undefined && number > max))
    throw invalidRequest(
      `${name} must be a whole number from ${min}${max === undefined ? '' : ` to ${max}`}.`,
    );
  return number;
}

/** Parses `createdAt:desc`, `createdAt:desc,id:asc`, `sort[0]=createdAt:desc`, `sort[createdAt]=desc`. */
function parseSort(sort: unknown): SortKey[] {
  const keys = toSortTexts(sort).map((text) => {
    const [field = '', direction = 'asc', ...rest] = text.split(':').map((part) => part.trim());
    const known = sortFields.find((name) => name === field);
    if (known === undefined)
      throw invalidRequest(`sort can name ${sortFields.join(', ')}; not "${field.slice(0, 100)}".`);
    if (rest.length > 0 || !/^(asc|desc)$/iu.test(direction))
      throw invalidRequest('sort takes asc or desc, e.g. createdAt:desc.');
    return { field: known, descending: direction.toLowerCase() === 'desc' };
  });
  if (keys.length > sortFields.length) throw invalidRequest('sort names too many fields.');
  return keys;
}

function toSortTexts(sort: unknown): string[] {
  if (typeof sort === 'string') return sort.split(',').filter((text) => text.trim() !== '');
  if (Array.isArray(sort)) return sort.flatMap(toSortTexts);
  if (typeof sort === 'object' && sort !== null) {
    return Object.entries(sort).flatMap(([field, direction]: [string, unknown]) =>
      typeof direction === 'string' && !/^\d+$/u.test(field)
        ? [`${field}:${direction}`]
        : toSortTexts(direction),
    );
  }
  throw invalidRequest('sort must be a field with a direction, e.g. createdAt:desc.');
}

/** Encodes a cursor. It is opaque to clients: they send back the value of `meta.nextCursor`. */
export function encodeCursor({ createdAt, id }: Cursor): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

function parseCursor(cursor: unknown): Cursor {
  const text =
    typeof cursor === 'string' ? Buffer.from(cursor.slice(0, 100), 'base64url').toString('latin1') : '';
  const [, time, id] = /^(\d{1,15})\.(\d{1,10})$/u.exec(text) ?? [];
  if (time === undefined || id === undefined || Number(id) > 2_147_483_647) {
    throw invalidRequest('cursor must be a value of meta.nextCursor.');
  }
  return { createdAt: new Date(Number(time)), id: Number(id) };
}
