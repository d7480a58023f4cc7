import { stringify } from 'csv-stringify/sync';

import type { UsageReply, UsageRow } from '../../../history';

const idColumns = {
  day: ['day'],
  character: ['character_id', 'character'],
  model: ['model'],
} as const;

const sums = [
  'messages',
  'users',
  'errors',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'likes',
  'dislikes',
  'first_token_median_ms',
  'first_token_p95_ms',
] as const;

/**
 * Returns the rows as CSV, with a column for the price in each currency. A spreadsheet reads it as UTF-8, and runs no
 * formula of it.
 */
export function toCsv({ by, rows, totals }: UsageReply): string {
  const currencies = Object.keys(totals.price);
  const header = [
    ...idColumns[by],
    ...sums,
    ...currencies.map((currency) => `price_${currency}`.toLowerCase()),
  ];
  const toLine = (row: UsageRow) => [
    row.id,
    ...(by === 'character' ? [row.name ?? ''] : []),
    ...sums.map((sum) => row[sum] ?? ''),
    ...currencies.map((currency) => row.price[currency] ?? '0'),
  ];
  return stringify([header, ...rows.map(toLine)], {
    bom: true,
    escape_formulas: true,
    record_delimiter: 'windows',
  });
}
