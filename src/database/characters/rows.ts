import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { fillCharacterTexts, type Character } from '../../chat';
import { parseJsonColumn } from '../sql/json-column';
import { isMainRow, showsTexts } from './locales';
import { toUpstreamChoice, upstreamColumns, type UpstreamColumns } from './upstream-choice';
import { versionTable } from './versions/table';

type Database = Core.Strapi['db'];

/** The columns that Strapi localizes. */
const textColumns = ['name', 'introduce', 'opening_statement', 'suggested_questions'] as const;

export interface CharacterRow extends UpstreamColumns {
  readonly document_id: string;
  /** Null for a character that came by an import or by SQL, until `numberCharacters` sets it. */
  readonly numeric_id: number | null;
  readonly prompt: string | null;
  /** The name in the main row. The prompt has it in every locale, so that all conversations send the same prompt. */
  readonly prompt_name: string | null;
  readonly name: string | null;
  readonly introduce: string | null;
  readonly opening_statement: string | null;
  readonly suggested_questions: unknown;
  /** Null for a draft, and until the bootstrap has kept the versions of an earlier release. */
  readonly version: number | null;
}

export type CharacterRows = Knex.QueryBuilder<CharacterRow, CharacterRow[]>;

/** A publish keeps its version in the same transaction, so the newest version is the published row. */
const newestVersion = `(select max(version) from ${versionTable} where document_id = p.document_id)`;

/**
 * Selects characters with one statement, each once. `d` is the main draft row. `p` is the main row with the content, if
 * it exists.
 * @param content `published` for users, `draft` for editors.
 * @param locale the wished locale of the texts; null for the default one.
 */
export function selectCharacters(
  db: Database,
  content: 'published' | 'draft',
  locale: string | null,
): CharacterRows {
  const rows = db.connection
    .from({ d: 'ai_characters' })
    .leftJoin({ p: 'ai_characters' }, (join) =>
      whereContent(join, 'p').andOn(db.connection.raw(isMainRow('p'))),
    )
    .whereNull('d.published_at')
    .whereRaw(isMainRow('d'));
  if (locale !== null) {
    const { sql, values } = showsTexts('t', locale);
    void rows.leftJoin({ t: 'ai_characters' }, (join) =>
      whereContent(join, 't').andOn(db.connection.raw(sql, [...values])),
    );
  }
  const texts = locale === null ? 'p' : 't';
  const version = content === 'published' ? newestVersion : 'null';
  return rows.select(
    'd.document_id',
    'd.numeric_id',
    'p.prompt',
    'p.name as prompt_name',
    ...textColumns.map((column) => `${texts}.${column}`),
    ...upstreamColumns.map((column) => `p.${column}`),
    db.connection.raw(`${version} as version`),
  ) as CharacterRows;

  function whereContent(join: Knex.JoinClause, row: string): Knex.JoinClause {
    join.on(`${row}.document_id`, 'd.document_id');
    return content === 'draft' ? join.onNull(`${row}.published_at`) : join.onNotNull(`${row}.published_at`);
  }
}

/** @param user the word for `{{user}}`. @returns null if the character has no number yet. */
export function toCharacter(
  { numeric_id: id, prompt, prompt_name, ...row }: CharacterRow,
  user?: string,
): Character | null {
  if (id === null) return null;
  const suggested_questions = parseJsonColumn(row.suggested_questions);
  const texts = fillCharacterTexts({ ...row, suggested_questions }, user);
  return {
    documentId: row.document_id,
    id,
    name: row.name,
    prompt: fillCharacterTexts({ name: prompt_name, prompt }, user).prompt,
    introduce: texts.introduce,
    openingStatement: texts.opening_statement,
    suggestedQuestions: texts.suggested_questions,
    upstream: toUpstreamChoice(row),
    version: row.version,
  };
}
