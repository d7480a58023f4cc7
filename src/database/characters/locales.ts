import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

/**
 * A character has one row for each locale, as a draft and maybe as a published row. All of them have the same
 * documentId. Its texts differ, and Strapi keeps the other fields equal (`src/strapi/entries/shared-fields.ts`).
 */

/** SQL and its values. */
export interface Sql {
  readonly sql: string;
  readonly values: readonly string[];
}

/** SQL for the default locale. Strapi saves it as JSON. A statement reads the small table once. */
export const defaultLocale = `(select max(trim("value", '"')) from strapi_core_store_settings
  where "key" = 'plugin_i18n_default_locale')`;

/**
 * Returns SQL for "this row stands for its character". Of the drafts of a character, and of its published rows, that is
 * the row in the default locale, or the oldest one without such a row. It finds the other rows by an index.
 * @param row the alias of `ai_characters`.
 */
export function isMainRow(row: string): string {
  return isFirst(row, defaultLocale, rankIn(defaultLocale));
}

/** Returns SQL for "the character shows the texts of this row": in the given locale, or else those of its main row. */
export function showsTexts(row: string, locale: string): Sql {
  const rank = (of: string) =>
    `case when ${of}.locale = ? then 0 when ${of}.locale = ${defaultLocale} then 1 else 2 end`;
  return { sql: isFirst(row, '?', rank), values: [locale, locale, locale] };
}

/** Selects the id of the published row that each character shows in this locale. */
export function selectShownRows({ connection }: Core.Strapi['db'], locale: string | null): Knex.QueryBuilder {
  const { sql, values } = locale === null ? { sql: isMainRow('r'), values: [] } : showsTexts('r', locale);
  return connection
    .from({ r: 'ai_characters' })
    .whereNotNull('r.published_at')
    .whereRaw(sql, [...values])
    .select('r.id');
}

function rankIn(locale: string) {
  return (of: string) => `case when ${of}.locale = ${locale} then 0 else 1 end`;
}

/** SQL for "no row of the same character and the same state comes before this one". */
function isFirst(row: string, locale: string, rank: (row: string) => string): string {
  return `(${row}.locale = ${locale} or not exists (
    select 1 from ai_characters as earlier where earlier.document_id = ${row}.document_id
      and (earlier.published_at is null) = (${row}.published_at is null)
      and (${rank('earlier')}, earlier.id) < (${rank(row)}, ${row}.id)))`;
}
