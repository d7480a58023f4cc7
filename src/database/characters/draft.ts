import type { Core } from '@strapi/strapi';

import { fillCharacterTexts, type Character } from '../../chat';
import { parseJsonColumn } from '../sql/json-column';
import { toUpstreamChoice, upstreamColumns, type UpstreamColumns } from './upstream-choice';
import { findVersion } from './versions/read';

type Database = Core.Strapi['db'];

interface DraftRow extends UpstreamColumns {
  readonly document_id: string;
  readonly numeric_id: number | null;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly introduce: string | null;
  readonly opening_statement: string | null;
  readonly suggested_questions: unknown;
}

/** Reads the saved draft of a character, for editors who try it. Users never see it. */
export async function findDraft(db: Database, documentId: string): Promise<Character | null> {
  const row = await findRow(db, documentId);
  return row === null ? null : toCharacter(row, null);
}

/**
 * Reads a version of a character, for editors who try it. Versions have no API key, so that of the draft is used. Null
 * if there is no such version.
 */
export async function findVersionToTry(
  db: Database,
  documentId: string,
  version: number,
): Promise<Character | null> {
  const row = await findRow(db, documentId);
  const fields = await findVersion(db, documentId, version);
  if (row === null || fields === null) return null;
  return toCharacter({ ...row, ...(fields as Partial<DraftRow>) }, version);
}

async function findRow({ connection }: Database, documentId: string): Promise<DraftRow | null> {
  const row = (await connection('ai_characters')
    .where({ document_id: documentId, published_at: null })
    .first(
      'document_id',
      'numeric_id',
      'name',
      'prompt',
      'introduce',
      'opening_statement',
      'suggested_questions',
      ...upstreamColumns,
    )) as DraftRow | undefined;
  return row ?? null;
}

function toCharacter(row: DraftRow, version: number | null): Character {
  const texts = fillCharacterTexts({ ...row, suggested_questions: parseJsonColumn(row.suggested_questions) });
  return {
    documentId: row.document_id,
    id: row.numeric_id ?? 0,
    name: row.name,
    prompt: texts.prompt,
    introduce: texts.introduce,
    openingStatement: texts.opening_statement,
    suggestedQuestions: texts.suggested_questions,
    upstream: toUpstreamChoice(row),
    version,
  };
}
