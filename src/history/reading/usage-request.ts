import { z } from 'zod';

import { parse, wholeNumber } from '../../chat/contract/invalid-request';
import { addDays, countDays } from '../calendar';
import { usageDimensions, type UsageQuery } from '../model/usage';
import { date, defaultDays, maxDays } from './request';

const name = z.string().max(255, 'can be at most 255 characters long').optional();

const parameters = z.object({
  from: date,
  to: date,
  days: wholeNumber(1, maxDays).optional(),
  by: z.enum(usageDimensions, 'must be day, character or model').default('day'),
  character: name,
  model: name,
});

/**
 * Parses `to?`, `from?` or `days?`, `by?`, `character?` and `model?`. Both dates are included. The default is the last
 * thirty days up to today.
 * @param today in the time zone of the history.
 * @throws ChatError `invalid-request`
 */
export function parseUsageQuery(query: unknown, today: string): UsageQuery {
  const schema = parameters.transform(({ by, character, model, days, ...range }, context): UsageQuery => {
    const to = range.to ?? today;
    const from = range.from ?? addDays(to, 1 - (days ?? defaultDays));
    const count = countDays(from, to);
    const problem =
      count < 1
        ? 'must not be after to'
        : count > maxDays
          ? `can be at most ${maxDays} days before the end of to`
          : null;
    if (problem !== null) {
      context.addIssue({ code: 'custom', path: ['from'], message: problem });
      return z.NEVER;
    }
    return { from, to, by, characterId: character || null, model: model || null };
  });
  return parse(schema, query ?? {});
}
