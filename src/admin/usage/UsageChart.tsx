import { Box, Typography } from '@strapi/design-system';
import { Bar, BarChart, CartesianGrid, Legend, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { useTheme } from 'styled-components';

import type { Metric } from './metrics';
import { useFormat } from './use-format';
import { useText } from './use-text';
import type { Usage } from './use-usage';

const heightPx = 320;
/** More bars would be too thin to read. */
const maxNamed = 20;

/** Draws one number of each row. Screen readers get its name, and the numbers from the table below. */
export function UsageChart({ usage, metric }: { readonly usage: Usage; readonly metric: Metric }) {
  const text = useText();
  const format = useFormat();
  const { colors } = useTheme();
  const series = metric.series(usage);
  const rows = usage.by === 'day' ? usage.rows : usage.rows.slice(0, maxNamed);
  const data = rows.map((row) => ({
    name: format.name(row, usage.by),
    ...Object.fromEntries(series.map(({ key, value }) => [key, value(row)])),
  }));
  const tick = { fill: colors.neutral600, fontSize: 12 };

  /** @param value of a series, in the unit of the metric. */
  function toText(value: number, key: string): string {
    const { label } = series.find((one) => one.key === key) ?? {};
    if (typeof label === 'object') return format.price(value, label.currency);
    return metric.unit === 'seconds' ? format.seconds(value) : format.number(value);
  }

  return (
    <Box>
      <div
        role="img"
        aria-label={text('character-chat.usage.chart', { metric: text(metric.label) })}
        style={{ height: heightPx }}
      >
        <ResponsiveContainer width="100%" height="100%">
          <BarChart data={data} accessibilityLayer={false} margin={{ top: 8, right: 8, bottom: 0, left: 8 }}>
            <CartesianGrid vertical={false} stroke={colors.neutral200} />
            <XAxis dataKey="name" tick={tick} stroke={colors.neutral300} minTickGap={16} />
            <YAxis
              tick={tick}
              stroke={colors.neutral300}
              allowDecimals={metric.unit !== 'count'}
              tickFormatter={(value: number) =>
                metric.unit === 'seconds' ? format.seconds(value) : format.short(value)
              }
            />
            <Tooltip
              cursor={{ fill: colors.neutral150 }}
              contentStyle={{ background: colors.neutral0, borderColor: colors.neutral200 }}
              labelStyle={{ color: colors.neutral800 }}
              itemStyle={{ color: colors.neutral800 }}
              formatter={(value, name, item) => [toText(Number(value), String(item.dataKey)), name]}
            />
            {series.length > 1 && (
              <Legend formatter={(name: string) => <Typography textColor="neutral700">{name}</Typography>} />
            )}
            {series.map(({ key, label, color }) => (
              <Bar
                key={key}
                dataKey={key}
                name={typeof label === 'object' ? label.currency : text(label)}
                fill={colors[color]}
                maxBarSize={48}
                isAnimationActive={false}
                {...(metric.isStacked ? { stackId: 'one' } : {})}
              />
            ))}
          </BarChart>
        </ResponsiveContainer>
      </div>
      {rows.length < usage.rows.length && (
        <Typography variant="pi" textColor="neutral600">
          {text('character-chat.usage.chart.most', { count: maxNamed })}
        </Typography>
      )}
    </Box>
  );
}
