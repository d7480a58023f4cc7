import type { Core } from '@strapi/strapi';

import { upstreamsOf } from '../../app';
import { fillCharacterTexts, isBlank, type UpstreamChoice, type UpstreamProblem } from '../../chat';
import { toUpstreamChoice, type UpstreamColumns } from '../../database/characters/upstream-choice';
import { characterLabels } from '../startup/admin-views';
import { toFieldError, type FieldProblem } from './fields';
import { characterUid } from '../../database/characters/uid';

/** These can publish. The last two do with `status: "published"`. */
const publishing: ReadonlySet<string> = new Set(['publish', 'create', 'update']);

/** The fields that the checks read. Strapi has parsed the JSON columns. */
interface PublishedRow extends Omit<UpstreamColumns, 'model_parameters' | 'inputs'> {
  readonly documentId: string;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly suggested_questions: unknown;
}

/**
 * Refuses to publish a character that could not answer. The error names each field, so that the admin panel marks it.
 * Characters that are published already stay published, also if an earlier release accepted them.
 */
export function checkBeforePublishing(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    const { status } = context.params as { status?: string };
    const isPublishing =
      context.uid === characterUid &&
      publishing.has(context.action) &&
      (context.action === 'publish' || status === 'published');
    if (!isPublishing) return next();
    // The rows are checked as they are saved. An error rolls them back.
    return strapi.db.transaction(async () => {
      const result: unknown = await next();
      await assertPublishable(strapi, rowIdsOf(result));
      return result as never;
    });
  });
}

/** Some actions return the document with a list of its entries, others return the entry. */
function rowIdsOf(result: unknown): number[] {
  const { entries, id } = (result ?? {}) as { entries?: readonly { id: number }[]; id?: number };
  return entries?.map((entry) => entry.id) ?? (id === undefined ? [] : [id]);
}

/** @throws ValidationError naming each wrong field. */
async function assertPublishable(strapi: Core.Strapi, ids: readonly number[]): Promise<void> {
  const rows = (await strapi.db.query(characterUid).findMany({
    where: { id: { $in: [...ids] } },
  })) as unknown as PublishedRow[];
  const problems = rows.flatMap((row) => findProblems(strapi, row));
  if (problems.length > 0) throw toFieldError(problems);
}

type Field = keyof typeof characterLabels;

function findProblems(strapi: Core.Strapi, row: PublishedRow): FieldProblem[] {
  // No check uses these columns.
  const unused = { model_parameters: null, inputs: null };
  const choice = toUpstreamChoice({ ...row, ...unused, document_id: row.documentId });
  const gap = upstreamsOf(strapi).findGap(choice);
  const problems: (FieldProblem | null)[] = [
    findPromptProblem(strapi, row, choice),
    findQuestionProblem(row.suggested_questions),
    gap === null ? null : toProblem(fieldOf(gap), gap.message),
  ];
  return problems.filter((problem) => problem !== null);
}

const toProblem = (field: Field, sentence: string): FieldProblem => ({
  field,
  message: `"${characterLabels[field][0]}": ${sentence}`,
});

function findPromptProblem(
  strapi: Core.Strapi,
  row: PublishedRow,
  choice: UpstreamChoice,
): FieldProblem | null {
  const prompt = fillCharacterTexts({ name: row.name, prompt: row.prompt }).prompt ?? '';
  if (isBlank(prompt))
    return toProblem('prompt', 'A character without a prompt cannot answer. Write one before you publish.');
  const maxChars = upstreamsOf(strapi).promptLimitOf(choice)?.last() ?? null;
  const chars = [...prompt].length;
  if (maxChars === null || chars <= maxChars) return null;
  return toProblem(
    'prompt',
    `The Dify app takes ${maxChars} characters, and the prompt has ${chars}. ` +
      'Shorten it, or raise the maximum length of the variable in Dify.',
  );
}

function findQuestionProblem(questions: unknown): FieldProblem | null {
  if (questions === null || questions === undefined) return null;
  const isList =
    Array.isArray(questions) &&
    questions.every((question) => typeof question === 'string' && !isBlank(question));
  if (isList) return null;
  return toProblem(
    'suggested_questions',
    'It must be a list of texts, and none of them can be empty. Fill in or remove the others.',
  );
}

const fields = {
  kind: 'upstream',
  appId: 'upstream_app_id',
  sealedKey: 'upstream_key',
  model: 'model',
} as const satisfies Record<NonNullable<UpstreamProblem['part']>, Field>;

const fieldOf = ({ part = 'kind' }: UpstreamProblem): Field => fields[part];
