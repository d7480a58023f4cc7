import { Box, Typography } from '@strapi/design-system';

import { useFormat } from './use-format';
import { useText } from './use-text';
import type { Sums } from './use-usage';
import type { TextId } from './translations';

interface TotalsProps {
  readonly totals: Sums;
  /** All figures, or only those of the home page. */
  readonly isShort?: boolean;
}

/** The sums of the whole range, as a list of names and values. */
export function UsageTotals({ totals, isShort = false }: TotalsProps) {
  const text = useText();
  const format = useFormat();
  const figures: readonly (readonly [label: TextId, value: string])[] = [
    ['character-chat.usage.messages', format.number(totals.messages)],
    ['character-chat.usage.users', format.number(totals.users)],
    ['character-chat.usage.tokens', format.short(totals.total_tokens)],
    ['character-chat.usage.errors', format.number(totals.errors)],
  ];
  const more: typeof figures = [
    ['character-chat.usage.price', format.prices(totals.price)],
    ['character-chat.usage.likes', format.number(totals.likes)],
    ['character-chat.usage.dislikes', format.number(totals.dislikes)],
    ['character-chat.usage.first-token.median', format.seconds(totals.first_token_median_ms)],
    ['character-chat.usage.first-token.p95', format.seconds(totals.first_token_p95_ms)],
  ];
  const minWidth = isShort ? '7rem' : '16rem';

  return (
    <Box
      tag="dl"
      style={{
        display: 'grid',
        gap: '1.6rem',
        gridTemplateColumns: `repeat(auto-fit, minmax(${minWidth}, 1fr))`,
      }}
    >
      {[...figures, ...(isShort ? [] : more)].map(([label, value]) => (
        <Box
          key={label}
          hasRadius
          background="neutral0"
          {...(isShort ? {} : { padding: 4, shadow: 'tableShadow' })}
        >
          <Typography tag="dt" variant="pi" textColor="neutral600">
            {text(label)}
          </Typography>
          <Typography tag="dd" variant={isShort ? 'delta' : 'beta'} textColor="neutral800">
            {value}
          </Typography>
        </Box>
      ))}
    </Box>
  );
}
