import { errors } from '@strapi/utils';
import { z } from 'zod';

import { chatOf } from '../../../app';
import type { ComparedAnswer } from '../../../chat';
import { findTried } from '../trials/find-tried';
import { trialRight } from '../trials/part';
import { readDraft } from '../versions/rights';
import * as inputs from './inputs';
import type { AssistantTool } from './tool';

const maxQuestions = 10;
const maxQuestionChars = 4_000;
const right = { action: `api::${trialRight}` };

const startInput = z.object({
  documentId: inputs.documentId,
  one: inputs.prompt.default('draft').describe(inputs.promptMeaning),
  other: inputs.prompt.default('published').describe(inputs.promptMeaning),
  questions: z.array(z.string().trim().min(1).max(maxQuestionChars)).min(1).max(maxQuestions),
});

const startOutput = z.object({ comparison_id: z.string(), next: z.string() });

/** Starts a job, because Strapi's MCP server ends a request after a minute. */
export const comparePrompts: AssistantTool<typeof startInput, typeof startOutput> = {
  name: 'compare_character_prompts',
  title: 'Compare two prompts of a character',
  description:
    `Asks two prompts of a character the same questions, at most ${maxQuestions}, in the background. Each question ` +
    'begins a conversation of its own. An answer has two minutes. You can run one comparison at a time. Read the ' +
    'result with read_character_comparison.',
  right,
  input: startInput,
  output: startOutput,
  async run(strapi, { editor, args: { documentId, one, other, questions } }) {
    if (one === other) throw new errors.ValidationError('one and other must be different prompts.');
    const id = await chatOf(strapi).comparisons.start({
      adminId: editor.id,
      one: await findTried(strapi, editor, documentId, one),
      other: await findTried(strapi, editor, documentId, other),
      questions,
    });
    if (id === null)
      throw new errors.RateLimitError('Your last comparison still runs. Wait until it has ended.');
    return { comparison_id: id, next: 'Call read_character_comparison in some seconds, until it has ended.' };
  },
};

const readInput = z.object({ comparison_id: z.uuid() });

const side = z.object({
  answer: z.string(),
  is_cut: z.boolean(),
  outcome: z.enum(['completed', 'stopped', 'failed']),
  error: z.string().nullable(),
  usage: inputs.usage,
  seconds: z.number(),
});

const compared = z.object({
  prompt: z.enum(['draft', 'published', 'version']),
  version: z.number().nullable(),
  hash: z.string().nullable(),
});

const readOutput = z.object({
  documentId: z.string(),
  state: z.enum(['running', 'completed', 'interrupted']).describe('interrupted: the server was stopped.'),
  started_at: z.string(),
  questions: z.number().describe('How many questions were sent to compare.'),
  one: compared,
  other: compared,
  answers: z.array(z.object({ question: z.string(), one: side, other: side })),
});

export const readComparison: AssistantTool<typeof readInput, typeof readOutput> = {
  name: 'read_character_comparison',
  title: 'Read a comparison of two prompts',
  description:
    'Returns the answers of a comparison so far, with tokens and times. Long answers are cut. A result can be read ' +
    'for a day, and only by who started it.',
  right,
  input: readInput,
  output: readOutput,
  async run(strapi, { editor, args }) {
    const found = await chatOf(strapi).comparisons.find(editor.id, args.comparison_id);
    if (found === null)
      throw new errors.NotFoundError('There is no such comparison. Results are kept for a day.');
    const { characterId: documentId, state, startedAt, questions, one, other, answers } = found;
    await readDraft(strapi, { state: { userAbility: editor.userAbility } }, documentId);
    return {
      documentId,
      state,
      started_at: startedAt.toISOString(),
      questions,
      one: { prompt: one.side, version: one.version, hash: one.hash },
      other: { prompt: other.side, version: other.version, hash: other.hash },
      answers: answers.map((answer) => ({
        question: answer.question,
        one: toSide(answer.one),
        other: toSide(answer.other),
      })),
    };
  },
};

const toSide = ({ isCut, ms, ...answer }: ComparedAnswer) => ({
  ...answer,
  is_cut: isCut,
  seconds: ms / 1_000,
});
