import { z } from 'zod';

import { historyOf } from '../../../app';
import { characterUid } from '../../../database/characters/uid';
import { usageRight } from '../usage/part';
import { listCounted } from '../versions/list';
import { readDraft } from '../versions/rights';
import * as inputs from './inputs';
import type { AssistantTool } from './tool';

/** More rows are left out. */
const maxRows = 100;
const maxVersions = 20;

const day = z.iso.date().optional();

const usageInput = z.object({
  from: day.describe('The first day, e.g. 2026-01-31. The default is a month before the last day.'),
  to: day.describe('The last day. The default is today. A range has at most 366 days.'),
  by: z.enum(['day', 'character', 'model']).default('character'),
  character: z.string().max(255).optional().describe('Only the messages to this documentId.'),
  model: z.string().max(255).optional(),
});

const sums = z.looseObject({ messages: z.number(), likes: z.number(), dislikes: z.number() });

const usageOutput = z.object({
  from: z.string(),
  to: z.string(),
  by: z.enum(['day', 'character', 'model']),
  totals: sums,
  rows: z.array(sums),
  rows_left_out: z.number(),
});

export const readUsage: AssistantTool<typeof usageInput, typeof usageOutput> = {
  name: 'read_character_usage',
  title: 'Read the usage and ratings of characters',
  description:
    'Returns messages, users, tokens, prices, errors, likes, dislikes and times to the first token, by day, character ' +
    `or model. It has at most ${maxRows} rows: those with most messages, or the newest days. It has no words of users.`,
  right: { action: `api::${usageRight}` },
  input: usageInput,
  output: usageOutput,
  async run(strapi, { args }) {
    const { from, to, by, totals, rows } = await historyOf(strapi).readUsage(args);
    const shown = by === 'day' ? rows.slice(-maxRows) : rows.slice(0, maxRows);
    return {
      from,
      to,
      by,
      totals: { ...totals },
      rows: shown.map((row) => ({ ...row })),
      rows_left_out: rows.length - shown.length,
    };
  },
};

const versionsInput = z.object({ documentId: inputs.documentId });

const versionsOutput = z.object({
  versions: z.array(
    z.looseObject({ version: z.number(), answers: z.number(), likes: z.number(), dislikes: z.number() }),
  ),
  total: z.number(),
});

export const listVersions: AssistantTool<typeof versionsInput, typeof versionsOutput> = {
  name: 'list_character_versions',
  title: 'List the versions of a character',
  description:
    'Returns the newest published versions of a character, with the likes, dislikes, stops, errors and tokens of the ' +
    `answers of each one. It has at most ${maxVersions} versions.`,
  right: { action: 'plugin::content-manager.explorer.read', subject: characterUid },
  input: versionsInput,
  output: versionsOutput,
  async run(strapi, { editor, args: { documentId } }) {
    await readDraft(strapi, { state: { userAbility: editor.userAbility } }, documentId);
    const { versions, total } = await listCounted(strapi, documentId, { page: 1, pageSize: maxVersions });
    return {
      versions: versions.map(({ publishedAt, publishedBy: _publishedBy, ...version }) => ({
        ...version,
        published_at: publishedAt.toISOString(),
      })),
      total,
    };
  },
};
