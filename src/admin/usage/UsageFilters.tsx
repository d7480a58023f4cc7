import type { ReactNode } from 'react';

import { Box, DatePicker, Field, Flex, SingleSelect, SingleSelectOption } from '@strapi/design-system';

import { useFormat } from './use-format';
import { useText } from './use-text';
import type { Row } from './use-usage';

const ranges = ['7', '30', '90', 'custom'] as const;

export interface Filters {
  readonly range: (typeof ranges)[number];
  /** `2025-01-15`. Used by the range `custom`. */
  readonly from?: string;
  readonly to?: string;
  readonly character?: string;
  readonly model?: string;
}

interface FiltersProps {
  readonly filters: Filters;
  readonly onChange: (changes: Filters) => void;
  /** What to choose from. */
  readonly characters: readonly Row[];
  readonly models: readonly Row[];
}

/** Chooses the days, and one character or model. */
export function UsageFilters({ filters, onChange, characters, models }: FiltersProps) {
  const text = useText();
  return (
    <Flex gap={4} wrap="wrap" alignItems="flex-end">
      <Labelled label={text('character-chat.usage.range')}>
        <SingleSelect
          value={filters.range}
          onChange={(range) => onChange({ ...filters, range: String(range) as Filters['range'] })}
        >
          {ranges.map((range) => (
            <SingleSelectOption key={range} value={range}>
              {text(`character-chat.usage.range.${range}`)}
            </SingleSelectOption>
          ))}
        </SingleSelect>
      </Labelled>
      {filters.range === 'custom' &&
        (['from', 'to'] as const).map((end) => (
          <Labelled key={end} label={text(`character-chat.usage.${end}`)}>
            <DatePicker
              value={toDate(filters[end])}
              onChange={(date) => onChange({ ...filters, [end]: date && toDay(date) })}
              calendarLabel={text('character-chat.usage.calendar')}
              monthSelectLabel={text('character-chat.usage.choose-month')}
              yearSelectLabel={text('character-chat.usage.choose-year')}
            />
          </Labelled>
        ))}
      <ChooseOne kind="character" rows={characters} filters={filters} onChange={onChange} />
      <ChooseOne kind="model" rows={models} filters={filters} onChange={onChange} />
    </Flex>
  );
}

interface ChooseOneProps extends Pick<FiltersProps, 'filters' | 'onChange'> {
  readonly kind: 'character' | 'model';
  readonly rows: readonly Row[];
}

function ChooseOne({ kind, rows, filters, onChange }: ChooseOneProps) {
  const text = useText();
  const format = useFormat();
  const chosen = filters[kind];
  const named = rows.filter(({ id }) => id !== '');
  // The chosen one may have no messages in the days that are chosen now.
  const isMissing = chosen !== undefined && named.every(({ id }) => id !== chosen);
  const options = isMissing ? [...named, { id: chosen, name: null }] : named;
  return (
    <Labelled label={text(`character-chat.usage.${kind}`)}>
      <SingleSelect
        value={chosen ?? 'all'}
        onChange={(id) => onChange({ ...filters, [kind]: id === 'all' ? undefined : String(id) })}
      >
        <SingleSelectOption value="all">{text(`character-chat.usage.${kind}.all`)}</SingleSelectOption>
        {options.map((row) => (
          <SingleSelectOption key={row.id} value={row.id}>
            {format.name(row, kind)}
          </SingleSelectOption>
        ))}
      </SingleSelect>
    </Labelled>
  );
}

export function Labelled({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <Box minWidth="18rem">
      <Field.Root>
        <Field.Label>{label}</Field.Label>
        {children}
      </Field.Root>
    </Box>
  );
}

/** The picker works with days of the browser's time zone. */
function toDate(day: string | undefined): Date | undefined {
  return day === undefined ? undefined : new Date(`${day}T00:00:00`);
}

function toDay(date: Date): string {
  const [year, month, day] = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}
