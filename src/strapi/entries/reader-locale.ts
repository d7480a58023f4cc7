import type { Core } from '@strapi/strapi';

import { selectShownRows } from '../../database/characters/locales';
import { characterUid } from '../../database/characters/uid';
import { isAppUser } from '../../http/owner';

const reading: ReadonlySet<string> = new Set(['findMany', 'findFirst', 'findOne', 'count']);

interface Params {
  readonly documentId?: string;
  readonly locale?: string;
  readonly filters?: unknown;
}

/**
 * Shows users each published character once: in the locale of `?locale=`, or else in the default locale. Strapi itself
 * shows only the rows of the locale. API tokens and the admin panel get these.
 */
export function showOneLocale(strapi: Core.Strapi): void {
  strapi.documents.use(async ({ uid, action, params }, next) => {
    const request = strapi.requestContext.get();
    if (uid !== characterUid || !reading.has(action)) return next();
    if (request === undefined || !isAppUser(request as never)) return next();
    const { documentId, locale, filters, ...rest } = params as Params;
    // These two take one locale only.
    if (action === 'findOne' || action === 'findFirst') {
      const named = documentId === undefined ? filters : both(filters, { documentId });
      const first = { ...rest, locale, filters: named, limit: 1 };
      const [found = null] = await strapi.documents(characterUid).findMany(first as never);
      return found as never;
    }
    if (locale !== '*') {
      const shown = { id: { $in: selectShownRows(strapi.db, locale ?? null) } };
      Object.assign(params, { locale: '*', filters: both(filters, shown) });
    }
    return next();
  });
}

const both = (filters: unknown, other: object): object =>
  filters === undefined ? other : { $and: [filters, other] };
