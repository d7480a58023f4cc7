import { useIntl } from 'react-intl';

import type { Dimension, Row } from './use-usage';
import { useText } from './use-text';

/** Formats numbers, prices, times and names in the language of the administrator. */
export function useFormat() {
  const { formatNumber, formatDate, locale } = useIntl();
  const text = useText();

  function price(amount: string | number, currency: string): string {
    const digits = { maximumFractionDigits: 4 };
    if (!/^[A-Z]{3}$/u.test(currency)) return formatNumber(Number(amount), digits);
    return new Intl.NumberFormat(locale, { style: 'currency', currency, ...digits }).format(Number(amount));
  }

  return {
    number: (value: number) => formatNumber(value),
    short: (value: number) => formatNumber(value, { notation: 'compact', maximumFractionDigits: 1 }),
    price,
    prices: (all: Readonly<Record<string, string>>) =>
      Object.entries(all)
        .map(([currency, amount]) => price(amount, currency))
        .join(' + ') || formatNumber(0),
    seconds: (ms: number | null) =>
      ms === null
        ? '–'
        : text('character-chat.usage.seconds', {
            value: formatNumber(ms / 1_000, { maximumSignificantDigits: 2 }),
          }),
    /** Returns the name of a row. Days have no time zone here: the server has chosen them. */
    name({ id, name }: Pick<Row, 'id' | 'name'>, by: Dimension): string {
      if (by === 'day')
        return formatDate(`${id}T00:00:00Z`, { timeZone: 'UTC', month: 'short', day: 'numeric' });
      if (id === '') return text(`character-chat.usage.${by}.none`);
      return name ?? id;
    },
  };
}
