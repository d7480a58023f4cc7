import type { Core } from '@strapi/strapi';

import { isAppUser } from '../../http/owner';
import { characterUid } from '../../database/characters/uid';

const reading: ReadonlySet<string> = new Set(['findMany', 'findFirst', 'findOne', 'count']);

/** Rows of earlier releases have no value until the next start. */
const isEnabled = { $or: [{ enabled: true }, { enabled: { $null: true } }] };

/** The order of lists without `sort`. The order of rows decides between equal numbers, as before. */
const defaultSort = [{ order: 'asc' }, { id: 'asc' }];

interface Params {
  readonly data?: Readonly<Record<string, unknown>>;
  readonly filters?: unknown;
  readonly sort?: unknown;
}

/**
 * Hides characters that an editor has disabled from users, and sorts lists of characters. API tokens and the admin
 * panel see all of them. `database/characters/source.ts` refuses questions to disabled characters.
 */
export function hideDisabledCharacters(strapi: Core.Strapi): void {
  strapi.documents.use((context, next) => {
    if (context.uid !== characterUid) return next();
    const params = context.params as Params;
    if (params.data !== undefined) Object.assign(params, { data: withDefaults(params.data) });
    const request = strapi.requestContext.get();
    if (reading.has(context.action) && request !== undefined && isAppUser(request as never))
      Object.assign(params, toUserParams(context.action, params));
    return next();
  });
}

/** An emptied field means the default. Databases disagree on the place of null in an order. */
function withDefaults(data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return {
    ...data,
    ...(data['order'] === null && { order: 0 }),
    ...(data['enabled'] === null && { enabled: true }),
  };
}

function toUserParams(action: string, { filters, sort }: Params): Params {
  const isSorted = (Array.isArray(sort) ? sort.length > 0 : Boolean(sort)) || action !== 'findMany';
  return {
    filters: filters === undefined ? isEnabled : { $and: [filters, isEnabled] },
    ...(!isSorted && { sort: defaultSort }),
  };
}
