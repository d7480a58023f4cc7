import { randomUUID } from 'node:crypto';

import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import { z } from 'zod';

import { chatOf } from '../../../app';
import { askForWhole } from '../../../chat';
import { findTried } from '../trials/find-tried';
import { maxQueryChars, threadOf, trialIdSchema, trialRight } from '../trials/part';
import { placesOf } from '../trials/places';
import * as inputs from './inputs';
import type { AssistantTool } from './tool';

/** Longer answers are cut. The history of trials has them whole. */
const maxShownChars = 20_000;
/** Strapi's default. */
const requestTimeoutMs = 60_000;
/** The time to save the trial and to send the reply. */
const marginMs = 5_000;

const input = z.object({
  documentId: inputs.documentId,
  prompt: inputs.prompt.default('draft').describe(inputs.promptMeaning),
  question: z.string().trim().min(1).max(maxQueryChars),
  trial_id: trialIdSchema
    .optional()
    .describe('Continues an earlier trial of the same prompt. Without it, a new conversation begins.'),
});

const output = z.object({
  trial_id: z.string(),
  answer: z.string(),
  is_cut: z.boolean().describe('Whether the answer was longer.'),
  outcome: z.enum(['completed', 'stopped', 'failed']).describe('stopped: the answer took too long.'),
  error: z.string().nullable(),
  usage: inputs.usage,
  seconds: z.number(),
  version: z.number().nullable().describe('The version with this prompt; null for a draft with changes.'),
});

export const tryCharacter: AssistantTool<typeof input, typeof output> = {
  name: 'try_character',
  title: 'Try a character',
  description:
    'Asks a character a question, as its saved draft, its published version or an earlier version. Returns the ' +
    'answer, the tokens and the time. Users see nothing of it. An answer that takes nearly a minute is stopped.',
  right: { action: `api::${trialRight}` },
  input,
  output,
  async run(strapi, { editor, args, signal }) {
    const { documentId, prompt, question: query, trial_id: trialId = randomUUID() } = args;
    const tried = await findTried(strapi, editor, documentId, prompt);
    const place = placesOf(strapi).take(editor.id);
    if (place === null)
      throw new errors.RateLimitError('Too many answers at the same time. Wait until one has ended.');
    const thread = threadOf(editor.id, trialId, prompt);
    const leave = AbortSignal.any([signal, place.signal, AbortSignal.timeout(answerMs(strapi))]);
    try {
      const whole = await askForWhole(
        chatOf(strapi).trials,
        { ...tried, thread, adminId: editor.id, query },
        leave,
      );
      const { answer, outcome, error, errorDetail, usage, ms } = whole;
      return {
        trial_id: trialId,
        answer: answer.slice(0, maxShownChars),
        is_cut: answer.length > maxShownChars,
        outcome,
        error: error === null ? null : [error, errorDetail].filter(Boolean).join(' '),
        usage,
        seconds: ms / 1_000,
        version: tried.tried.version,
      };
    } finally {
      place.release();
    }
  },
};

/** Returns the time for an answer. Strapi then ends the request. */
function answerMs(strapi: Core.Strapi): number {
  const timeoutMs = strapi.config.get<number>('server.mcp.requestTimeoutMs', requestTimeoutMs);
  return Math.max(1_000, timeoutMs - chatOf(strapi).settings.turns.stopGraceMs - marginMs);
}
