import type { TextId } from './translations';
import type { Row, Usage } from './use-usage';

/** One line, or one part of each bar. */
export interface Series {
  readonly key: string;
  /** A text id, or the name of a currency. */
  readonly label: TextId | { readonly currency: string };
  /** A color of Strapi's theme. */
  readonly color: 'primary600' | 'primary200' | 'danger500' | 'success500' | 'warning500';
  readonly value: (row: Row) => number | null;
}

export interface Metric {
  readonly id: 'messages' | 'users' | 'tokens' | 'price' | 'errors' | 'ratings' | 'first-token';
  readonly label: TextId;
  readonly unit: 'count' | 'price' | 'seconds';
  /** Whether the values of a row add up to one bar. */
  readonly isStacked: boolean;
  readonly series: (usage: Usage) => readonly Series[];
}

const one = (key: 'messages' | 'users' | 'errors', color: Series['color']): Metric => ({
  id: key,
  label: `character-chat.usage.${key}`,
  unit: 'count',
  isStacked: false,
  series: () => [{ key, label: `character-chat.usage.${key}`, color, value: (row) => row[key] }],
});

const priceColors = ['primary600', 'success500', 'warning500'] as const;

/** What the chart can show. */
export const metrics: readonly Metric[] = [
  one('messages', 'primary600'),
  one('users', 'success500'),
  {
    id: 'tokens',
    label: 'character-chat.usage.tokens',
    unit: 'count',
    isStacked: true,
    series: () => [
      {
        key: 'prompt',
        label: 'character-chat.usage.prompt-tokens',
        color: 'primary200',
        value: (row) => row.prompt_tokens,
      },
      {
        key: 'completion',
        label: 'character-chat.usage.completion-tokens',
        color: 'primary600',
        value: (row) => row.completion_tokens,
      },
    ],
  },
  {
    id: 'price',
    label: 'character-chat.usage.price',
    unit: 'price',
    isStacked: false,
    series: ({ totals }) =>
      Object.keys(totals.price).map((currency, index) => ({
        key: `price ${currency}`,
        label: { currency },
        color: priceColors[index % priceColors.length] ?? 'primary600',
        value: (row) => Number(row.price[currency] ?? 0),
      })),
  },
  one('errors', 'danger500'),
  {
    id: 'ratings',
    label: 'character-chat.usage.ratings',
    unit: 'count',
    isStacked: true,
    series: () => [
      {
        key: 'likes',
        label: 'character-chat.usage.likes',
        color: 'success500',
        value: (row) => row.likes,
      },
      {
        key: 'dislikes',
        label: 'character-chat.usage.dislikes',
        color: 'danger500',
        value: (row) => row.dislikes,
      },
    ],
  },
  {
    id: 'first-token',
    label: 'character-chat.usage.first-token',
    unit: 'seconds',
    isStacked: false,
    series: () => [
      {
        key: 'median',
        label: 'character-chat.usage.median',
        color: 'primary600',
        value: (row) => row.first_token_median_ms,
      },
      {
        key: 'p95',
        label: 'character-chat.usage.p95',
        color: 'warning500',
        value: (row) => row.first_token_p95_ms,
      },
    ],
  },
];
