import type { Core } from '@strapi/strapi';

import { fillCharacterTexts, type Character } from '../../chat';
import { parseJsonColumn } from '../sql/json-column';
import { toUpstreamChoice, upstreamColumns, type UpstreamColumns } from './upstream-choice';

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
export async function findDraft(
  { connection }: Core.Strapi['db'],
  documentId: string,
): Promise<Character | null> {
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
  if (row === undefined) return null;
  const texts = fillCharacterTexts({ ...row, suggested_questions: parseJsonColumn(row.suggested_questions) });
  return {
    documentId,
    id: row.numeric_id ?? 0,
    name: row.name,
    prompt: texts.prompt,
    introduce: texts.introduce,
    openingStatement: texts.opening_statement,
    suggestedQuestions: texts.suggested_questions,
    upstream: toUpstreamChoice(row),
    version: null,
  };
}
