import type { Core } from '@strapi/strapi';

import { characterUid } from '../../database/characters/uid';
import { upstreamColumns } from '../../database/characters/upstream-choice';

/** The fields of a character that are the same in every locale. A test compares them with the schema. */
export const sharedFields = [
  'prompt',
  'avatar',
  'order',
  'enabled',
  ...upstreamColumns,
  'card',
  'numeric_id',
] as const;

type Data = Readonly<Record<string, unknown>>;

interface Params {
  readonly data?: Data;
  readonly documentId?: string;
  readonly locale?: string;
}

const isShared = (name: string): boolean => (sharedFields as readonly string[]).includes(name);

/**
 * Lets a new locale of a character keep the shared fields: an empty field in its form changes nothing. The form does not
 * show all of them, for example not the API key.
 */
export function keepSharedFields(strapi: Core.Strapi): void {
  strapi.documents.use(async ({ uid, action, params }, next) => {
    const { data } = params as Params;
    if (
      uid === characterUid &&
      action === 'update' &&
      data !== undefined &&
      (await addsLocale(strapi, params))
    ) {
      const entries = Object.entries(data).filter(([name, value]) => !isShared(name) || !isEmpty(value));
      Object.assign(params, { data: Object.fromEntries(entries) });
    }
    return next();
  });
}

const writing: ReadonlySet<string> = new Set(['update', 'publish', 'discardDraft']);

/**
 * Keeps the shared fields equal in all drafts of a character, and in all its published rows. Strapi does so only if the
 * first row that it finds differs, and it leaves out hidden fields. A new locale starts with the fields of the draft:
 * Strapi itself can take those of the published row, and writes them over the other drafts.
 */
export function shareFields(strapi: Core.Strapi): void {
  strapi.documents.use(async ({ uid, action, params }, next) => {
    if (uid !== characterUid || !writing.has(action)) return next();
    return strapi.db.transaction(async () => {
      const { data } = params as Params;
      if (action === 'update' && data !== undefined && (await addsLocale(strapi, params)))
        Object.assign(params, { data: { ...(await readShared(strapi, params)), ...data } });
      const result: unknown = await next();
      const id = rowIdOf(result);
      if (id !== undefined) await share(strapi, id);
      return result as never;
    });
  });
}

/** Returns whether an update makes a row in a locale that the character does not have. */
async function addsLocale(strapi: Core.Strapi, { documentId, locale: given }: Params): Promise<boolean> {
  const locale = given ?? (await defaultLocaleOf(strapi));
  const where = { documentId, publishedAt: null, locale };
  return (await strapi.db.query(characterUid).findOne({ where, select: ['id'] })) === null;
}

async function defaultLocaleOf(strapi: Core.Strapi): Promise<string> {
  const locales = strapi.plugin('i18n').service('locales') as { getDefaultLocale(): Promise<string> };
  return locales.getDefaultLocale();
}

/** Returns the shared fields of a draft of the character. All drafts have the same. */
async function readShared(strapi: Core.Strapi, { documentId }: Params): Promise<Data> {
  const where = { documentId, publishedAt: null };
  const draft: unknown = await strapi.db.query(characterUid).findOne({ where, populate: ['avatar'] });
  return draft === null ? {} : toShared(draft as Data);
}

/** Writes the shared fields of a row into the rows of the other locales with the same state. */
async function share(strapi: Core.Strapi, id: number): Promise<void> {
  const rows = strapi.db.query(characterUid);
  const row = (await rows.findOne({ where: { id }, populate: ['avatar'] })) as Data | null;
  if (row === null) return;
  const others = (await rows.findMany({
    where: {
      documentId: row['documentId'],
      id: { $ne: id },
      publishedAt: row['publishedAt'] === null ? null : { $ne: null },
    },
    select: ['id'],
  })) as { readonly id: number }[];
  for (const other of others) await rows.update({ where: { id: other.id }, data: toShared(row) });
}

function toShared(row: Data): Data {
  const avatar = (row['avatar'] as { readonly id: number } | null | undefined)?.id ?? null;
  return { ...Object.fromEntries(sharedFields.map((name) => [name, row[name] ?? null])), avatar };
}

/** Some actions return the document with a list of its entries, others return the entry. */
function rowIdOf(result: unknown): number | undefined {
  const { entries, id } = (result ?? {}) as { entries?: readonly { id: number }[]; id?: number };
  return entries === undefined ? id : entries[0]?.id;
}

const isEmpty = (value: unknown): boolean => value === null || value === undefined || value === '';
