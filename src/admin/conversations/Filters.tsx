import { useEffect, useState, type FormEvent, type ReactNode } from 'react';

import {
  Button,
  Combobox,
  ComboboxOption,
  DatePicker,
  Field,
  Flex,
  Grid,
  Searchbar,
  SearchForm,
  SingleSelect,
  SingleSelectOption,
  TextInput,
} from '@strapi/design-system';
import { useFetchClient } from '@strapi/strapi/admin';
import { useIntl } from 'react-intl';

import { filterNames, fromDay, toDay, type FilterName } from './filter-params';
import { outcomes, ratings } from './types';
import { useText } from './use-text';

interface FilterProps {
  readonly filters: URLSearchParams;
  /** Sets a filter. An empty value removes it. */
  onChange(name: FilterName, value: string): void;
  onClear(): void;
}

export function Filters({ filters, onChange, onClear }: FilterProps) {
  const text = useText();
  const isFiltered = filterNames.some((name) => filters.has(name));
  return (
    <Flex direction="column" alignItems="stretch" gap={4} paddingBottom={6}>
      <WordFilter filters={filters} onChange={onChange} />
      <Grid.Root gap={4}>
        <CharacterFilter filters={filters} onChange={onChange} />
        <UserFilter filters={filters} onChange={onChange} />
        <DayFilter name="from" filters={filters} onChange={onChange} />
        <DayFilter name="to" filters={filters} onChange={onChange} />
        <ChoiceFilter name="outcome" choices={outcomes} filters={filters} onChange={onChange} />
        <ChoiceFilter name="rating" choices={ratings} filters={filters} onChange={onChange} />
        {isFiltered && (
          <Grid.Item col={3} s={6} xs={12} alignItems="end">
            <Button variant="tertiary" size="L" onClick={onClear}>
              {text('character-chat.conversations.filter.clear')}
            </Button>
          </Grid.Item>
        )}
      </Grid.Root>
    </Flex>
  );
}

type OneFilter = Pick<FilterProps, 'filters' | 'onChange'>;

function Labelled({ name, children }: { readonly name: FilterName; readonly children: ReactNode }) {
  const text = useText();
  return (
    <Grid.Item col={3} s={6} xs={12} direction="column" alignItems="stretch">
      <Field.Root name={name}>
        <Field.Label>{text(`character-chat.conversations.filter.${name}`)}</Field.Label>
        {children}
      </Field.Root>
    </Grid.Item>
  );
}

/** A text that is applied by Enter, because each search reads many messages. */
function useDraft(applied: string) {
  const [draft, setDraft] = useState(applied);
  useEffect(() => setDraft(applied), [applied]);
  return [draft, setDraft] as const;
}

function WordFilter({ filters, onChange }: OneFilter) {
  const text = useText();
  const [draft, setDraft] = useDraft(filters.get('q') ?? '');

  function onSubmit(event: FormEvent): void {
    event.preventDefault();
    onChange('q', draft.trim());
  }

  return (
    <SearchForm onSubmit={onSubmit}>
      <Searchbar
        name="q"
        value={draft}
        maxLength={200}
        onChange={({ target }: { target: HTMLInputElement }) => setDraft(target.value)}
        onClear={() => {
          setDraft('');
          onChange('q', '');
        }}
        clearLabel={text('character-chat.conversations.filter.clear-one')}
        placeholder={text('character-chat.conversations.filter.q.hint')}
      >
        {text('character-chat.conversations.filter.q')}
      </Searchbar>
    </SearchForm>
  );
}

function UserFilter({ filters, onChange }: OneFilter) {
  const text = useText();
  const applied = filters.get('user') ?? '';
  const [draft, setDraft] = useDraft(applied);
  const apply = () => draft.trim() !== applied && onChange('user', draft.trim());
  return (
    <Labelled name="user">
      <TextInput
        value={draft}
        maxLength={255}
        placeholder={text('character-chat.conversations.filter.user.hint')}
        onChange={({ target }: { target: HTMLInputElement }) => setDraft(target.value)}
        onBlur={apply}
        onKeyDown={({ key }: { key: string }) => key === 'Enter' && apply()}
      />
    </Labelled>
  );
}

function DayFilter({ name, filters, onChange }: OneFilter & { readonly name: 'from' | 'to' }) {
  const text = useText();
  const { locale } = useIntl();
  return (
    <Labelled name={name}>
      <DatePicker
        locale={locale}
        value={toDay(filters.get(name))}
        onChange={(date) => onChange(name, date === undefined ? '' : fromDay(date))}
        onClear={() => onChange(name, '')}
        clearLabel={text('character-chat.conversations.filter.clear-one')}
      />
    </Labelled>
  );
}

interface ChoiceProps<Name extends 'outcome' | 'rating'> extends OneFilter {
  readonly name: Name;
  readonly choices: Name extends 'outcome' ? typeof outcomes : typeof ratings;
}

function ChoiceFilter<Name extends 'outcome' | 'rating'>({
  name,
  choices,
  filters,
  onChange,
}: ChoiceProps<Name>) {
  const text = useText();
  return (
    <Labelled name={name}>
      <SingleSelect
        value={filters.get(name) ?? ''}
        placeholder={text('character-chat.conversations.filter.any')}
        onChange={(value) => onChange(name, String(value))}
        onClear={() => onChange(name, '')}
        clearLabel={text('character-chat.conversations.filter.clear-one')}
      >
        {choices.map((choice) => (
          <SingleSelectOption key={choice} value={choice}>
            {text(`character-chat.conversations.mark.${choice}`)}
          </SingleSelectOption>
        ))}
      </SingleSelect>
    </Labelled>
  );
}

interface CharacterName {
  readonly documentId: string;
  readonly name: string;
}

function CharacterFilter({ filters, onChange }: OneFilter) {
  const text = useText();
  const { get } = useFetchClient();
  const [characters, setCharacters] = useState<readonly CharacterName[]>([]);
  useEffect(() => {
    get<{ data: readonly CharacterName[] }>('/admin/character-chat/conversation-characters').then(
      ({ data }) => setCharacters(data.data),
      // The list still works. Its own error is shown there.
      () => undefined,
    );
  }, []);
  return (
    <Labelled name="character">
      <Combobox
        // The box reads the name of its value only when it is made.
        key={characters.length}
        value={filters.get('character') ?? ''}
        placeholder={text('character-chat.conversations.filter.any')}
        noOptionsMessage={() => text('character-chat.conversations.filter.none')}
        onChange={(value) => onChange('character', value ?? '')}
        onClear={() => onChange('character', '')}
        clearLabel={text('character-chat.conversations.filter.clear-one')}
      >
        {characters.map(({ documentId, name }) => (
          <ComboboxOption key={documentId} value={documentId}>
            {name}
          </ComboboxOption>
        ))}
      </Combobox>
    </Labelled>
  );
}
