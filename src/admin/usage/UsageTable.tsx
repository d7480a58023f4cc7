import { Box, Table, Tbody, Td, Th, Thead, Tr, Typography } from '@strapi/design-system';

import type { TextId } from './translations';
import { useFormat } from './use-format';
import { useText } from './use-text';
import type { Dimension, Sums, Usage } from './use-usage';

type Format = ReturnType<typeof useFormat>;

const columns: readonly (readonly [label: TextId, show: (sums: Sums, format: Format) => string])[] = [
  ['character-chat.usage.messages', ({ messages }, { number }) => number(messages)],
  ['character-chat.usage.users', ({ users }, { number }) => number(users)],
  ['character-chat.usage.errors', ({ errors }, { number }) => number(errors)],
  ['character-chat.usage.prompt-tokens', (sums, { number }) => number(sums.prompt_tokens)],
  ['character-chat.usage.completion-tokens', (sums, { number }) => number(sums.completion_tokens)],
  ['character-chat.usage.price', ({ price }, { prices }) => prices(price)],
  ['character-chat.usage.likes', ({ likes }, { number }) => number(likes)],
  ['character-chat.usage.dislikes', ({ dislikes }, { number }) => number(dislikes)],
  ['character-chat.usage.first-token.median', (sums, { seconds }) => seconds(sums.first_token_median_ms)],
  ['character-chat.usage.first-token.p95', (sums, { seconds }) => seconds(sums.first_token_p95_ms)],
];

const nameLabels: Readonly<Record<Dimension, TextId>> = {
  day: 'character-chat.usage.day',
  character: 'character-chat.usage.character',
  model: 'character-chat.usage.model',
};

/** All numbers of the usage, the totals last. It is the chart's alternative for screen readers. */
export function UsageTable({ usage }: { readonly usage: Usage }) {
  const text = useText();
  const format = useFormat();
  const { by, rows, totals } = usage;
  const label = text('character-chat.usage.table', { by: text(`character-chat.usage.by.${by}`) });
  // The latest day comes first.
  const shown = by === 'day' ? [...rows].reverse() : rows;

  return (
    <Table aria-label={label} colCount={columns.length + 1} rowCount={rows.length + 2}>
      <Thead>
        <Tr>
          {[nameLabels[by], ...columns.map(([id]) => id)].map((id) => (
            <Th key={id}>
              <Typography variant="sigma" textColor="neutral600">
                {text(id)}
              </Typography>
            </Th>
          ))}
        </Tr>
      </Thead>
      <Tbody>
        {shown.map((row) => (
          <Line key={row.id} name={format.name(row, by)} sums={row} format={format} />
        ))}
        <Line name={text('character-chat.usage.totals')} sums={totals} format={format} isBold />
      </Tbody>
    </Table>
  );
}

interface LineProps {
  readonly name: string;
  readonly sums: Sums;
  readonly format: Format;
  readonly isBold?: boolean;
}

function Line({ name, sums, format, isBold = false }: LineProps) {
  const weight = isBold ? 'bold' : 'regular';
  return (
    <Tr>
      <Td>
        <Box maxWidth="24rem">
          <Typography ellipsis textColor="neutral800" fontWeight={isBold ? 'bold' : 'semiBold'}>
            {name}
          </Typography>
        </Box>
      </Td>
      {columns.map(([id, show]) => (
        <Td key={id}>
          <Typography textColor="neutral800" fontWeight={weight}>
            {show(sums, format)}
          </Typography>
        </Td>
      ))}
    </Tr>
  );
}
