import { Box, Flex } from '@strapi/design-system';
import { Widget } from '@strapi/strapi/admin';
import { Bar, BarChart, ResponsiveContainer, XAxis } from 'recharts';
import { useTheme } from 'styled-components';

import { UsageTotals } from './UsageTotals';
import { useFormat } from './use-format';
import { useText } from './use-text';
import { useUsage } from './use-usage';

const chartHeightPx = 120;

/** The usage of the last seven days on the home page. */
export function UsageWidget() {
  const text = useText();
  const format = useFormat();
  const { colors } = useTheme();
  const { usage, isFailed } = useUsage({ days: '7' });
  if (isFailed) return <Widget.Error />;
  if (usage === undefined) return <Widget.Loading />;

  const data = usage.rows.map((row) => ({ name: format.name(row, 'day'), messages: row.messages }));
  const numbers = data.map(({ name, messages }) => `${name}: ${format.number(messages)}`).join(', ');
  return (
    <Flex direction="column" alignItems="stretch" gap={4} height="100%" justifyContent="space-between">
      <UsageTotals totals={usage.totals} isShort />
      <Box>
        <div
          role="img"
          aria-label={text('character-chat.usage.widget.chart', { numbers })}
          style={{ height: chartHeightPx }}
        >
          <ResponsiveContainer width="100%" height="100%">
            <BarChart
              data={data}
              accessibilityLayer={false}
              margin={{ top: 0, right: 0, bottom: 0, left: 0 }}
            >
              <XAxis
                dataKey="name"
                tick={{ fill: colors.neutral600, fontSize: 11 }}
                stroke={colors.neutral300}
                tickLine={false}
              />
              <Bar dataKey="messages" fill={colors.primary600} maxBarSize={32} isAnimationActive={false} />
            </BarChart>
          </ResponsiveContainer>
        </div>
      </Box>
    </Flex>
  );
}
