import { useId, useMemo, useState } from 'react';

import {
  Box,
  Field,
  Flex,
  Loader,
  SingleSelect,
  SingleSelectOption,
  Typography,
} from '@strapi/design-system';
import { diffWordsWithSpace } from 'diff';
import { css, styled } from 'styled-components';

import type { english } from './translations';
import { useText } from './use-text';
import { useLoaded, versionsUrl, type Fields } from './use-versions';

/** The longest time for one field. A longer comparison shows the whole old text and the whole new one. */
const timeoutMs = 1_000;

type FieldText = Extract<keyof typeof english, `character-chat.versions.field.${string}`>;

interface ComparisonProps {
  readonly documentId: string;
  /** The version that is compared with the one before it, or with another one. */
  readonly newer: number;
  readonly newest: number;
}

/** Shows the differences between two versions, field by field. */
export function Comparison({ documentId, newer, newest }: ComparisonProps) {
  const text = useText();
  const titleId = useId();
  const [from, setFrom] = useState(String(newer === 1 ? newer : newer - 1));
  const [to, setTo] = useState(newer === 1 ? 'draft' : String(newer));
  const old = useLoaded<{ data: Fields }>(versionsUrl(documentId, `/${from}`));
  const now = useLoaded<{ data: Fields }>(versionsUrl(documentId, `/${to}`));
  return (
    <Box tag="section" aria-labelledby={titleId}>
      <Typography id={titleId} variant="beta" tag="h3">
        {text('character-chat.versions.differences')}
      </Typography>
      <Flex gap={4} paddingTop={4} paddingBottom={4} alignItems="flex-end">
        <VersionSelect name="from" value={from} newest={newest} onChange={setFrom} />
        <VersionSelect name="to" value={to} newest={newest} onChange={setTo} />
      </Flex>
      {old && now && <Differences old={old.data} now={now.data} />}
      {(old === null || now === null) && (
        <Typography role="alert">{text('character-chat.versions.failed')}</Typography>
      )}
      {(old === undefined || now === undefined) && <Loader>{text('character-chat.versions.loading')}</Loader>}
    </Box>
  );
}

interface SelectProps {
  readonly name: 'from' | 'to';
  readonly value: string;
  readonly newest: number;
  readonly onChange: (value: string) => void;
}

function VersionSelect({ name, value, newest, onChange }: SelectProps) {
  const text = useText();
  const numbers = Array.from({ length: newest }, (_, index) => newest - index);
  return (
    <Box flex="1">
      <Field.Root>
        <Field.Label>{text(`character-chat.versions.${name}`)}</Field.Label>
        <SingleSelect value={value} onChange={(chosen) => onChange(String(chosen))}>
          <SingleSelectOption value="draft">{text('character-chat.versions.draft')}</SingleSelectOption>
          {numbers.map((version) => (
            <SingleSelectOption key={version} value={String(version)}>
              {text('character-chat.versions.number', { version })}
            </SingleSelectOption>
          ))}
        </SingleSelect>
      </Field.Root>
    </Box>
  );
}

function Differences({ old, now }: { readonly old: Fields; readonly now: Fields }) {
  const text = useText();
  const names = Object.keys(now).filter((name) => toText(old[name]) !== toText(now[name]));
  if (names.length === 0) return <Typography>{text('character-chat.versions.same')}</Typography>;
  return (
    <Flex direction="column" alignItems="stretch" gap={4}>
      {names.map((name) => (
        <Box key={name} data-field={name}>
          <Typography variant="pi" fontWeight="bold" tag="h4">
            {text(`character-chat.versions.field.${name}` as FieldText)}
          </Typography>
          <Box background="neutral100" padding={3} hasRadius marginTop={1}>
            <FieldDifference old={toText(old[name])} now={toText(now[name])} />
          </Box>
        </Box>
      ))}
    </Flex>
  );
}

interface Part {
  readonly value: string;
  readonly added?: boolean;
  readonly removed?: boolean;
}

function FieldDifference({ old, now }: { readonly old: string; readonly now: string }) {
  const parts = useMemo(() => compare(old, now), [old, now]);
  return (
    <Typography tag="p" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
      {parts.map(({ value, added, removed }, index) => {
        if (added === true) return <Inserted key={index}>{value}</Inserted>;
        return removed === true ? <Deleted key={index}>{value}</Deleted> : <span key={index}>{value}</span>;
      })}
    </Typography>
  );
}

/** The segmenter finds the words of Chinese, which has no spaces. */
function compare(old: string, now: string): readonly Part[] {
  const intlSegmenter = new Intl.Segmenter(undefined, { granularity: 'word' });
  const parts = diffWordsWithSpace(old, now, { timeout: timeoutMs, intlSegmenter } as object) as
    readonly Part[] | undefined;
  return (
    parts ?? [
      { value: old, removed: true },
      { value: now, added: true },
    ]
  );
}

const toText = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : value === null || value === undefined
      ? ''
      : JSON.stringify(value, null, 2);

const mark = css`
  color: inherit;
  border-radius: 2px;
  padding: 0 1px;
`;

const Inserted = styled.ins`
  ${mark}
  background: ${({ theme }) => theme.colors.success100};
`;

const Deleted = styled.del`
  ${mark}
  background: ${({ theme }) => theme.colors.danger100};
`;
