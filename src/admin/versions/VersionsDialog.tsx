import { useState } from 'react';

import {
  Box,
  Button,
  Flex,
  Loader,
  Table,
  Tbody,
  Td,
  Th,
  Thead,
  Tr,
  Typography,
} from '@strapi/design-system';
import { useIntl } from 'react-intl';
import { styled } from 'styled-components';

import { Comparison } from './Comparison';
import { RestoreVersion } from './RestoreVersion';
import { useText } from './use-text';
import { useLoaded, versionsUrl, type Version, type VersionPage } from './use-versions';

const counts = ['answers', 'likes', 'dislikes', 'stops', 'errors', 'tokens'] as const;

interface DialogProps {
  readonly documentId: string;
  readonly onRestored: () => void;
}

/** The list of versions, the differences between two of them, and the way back to one. */
export default function VersionsDialog({ documentId, onRestored }: DialogProps) {
  const text = useText();
  const [pageNumber, setPage] = useState(1);
  const [compared, setCompared] = useState<number>();
  const page = useLoaded<VersionPage>(versionsUrl(documentId, `?page=${pageNumber}`));
  if (page === undefined) return <Loader>{text('character-chat.versions.loading')}</Loader>;
  if (page === null) return <Typography>{text('character-chat.versions.failed')}</Typography>;
  return (
    <Flex direction="column" alignItems="stretch" gap={6}>
      <VersionTable colCount={counts.length + 3} rowCount={page.data.length + 1}>
        <Thead>
          <Tr>
            {(['version', 'published', ...counts, 'actions'] as const).map((name) => (
              <Th key={name}>
                <Typography variant="sigma">{text(`character-chat.versions.${name}`)}</Typography>
              </Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {page.data.map((version) => (
            <VersionRow
              key={version.version}
              {...{ documentId, version, onRestored }}
              mayRestore={page.meta.mayRestore}
              onCompare={() => setCompared(version.version)}
            />
          ))}
        </Tbody>
      </VersionTable>
      <Pages {...page.meta} onChange={setPage} />
      {compared !== undefined && (
        <Comparison key={compared} documentId={documentId} newer={compared} newest={page.meta.total} />
      )}
    </Flex>
  );
}

interface RowProps extends DialogProps {
  readonly version: Version;
  readonly mayRestore: boolean;
  readonly onCompare: () => void;
}

function VersionRow({ documentId, version: shown, mayRestore, onCompare, onRestored }: RowProps) {
  const text = useText();
  const { formatDate, formatNumber } = useIntl();
  const { version, publishedAt, publishedBy } = shown;
  return (
    <Tr>
      <Td>
        <Typography fontWeight="bold">{version}</Typography>
      </Td>
      <Td>
        <Typography tag="p">
          {formatDate(publishedAt, { dateStyle: 'medium', timeStyle: 'short' })}
        </Typography>
        {publishedBy !== null && (
          <Typography tag="p" variant="pi" textColor="neutral600">
            {publishedBy}
          </Typography>
        )}
      </Td>
      {counts.map((name) => (
        <Td key={name}>
          <Typography>{formatNumber(shown[name])}</Typography>
        </Td>
      ))}
      <Td>
        <Flex gap={2} direction={{ initial: 'column', large: 'row' }} alignItems="stretch">
          <Button
            variant="tertiary"
            size="S"
            aria-label={text('character-chat.versions.compare.label', { version })}
            onClick={onCompare}
          >
            {text('character-chat.versions.compare')}
          </Button>
          {mayRestore && <RestoreVersion {...{ documentId, version, onRestored }} />}
        </Flex>
      </Td>
    </Tr>
  );
}

type PagesProps = VersionPage['meta'] & { readonly onChange: (page: number) => void };

function Pages({ page, pageSize, total, onChange }: PagesProps) {
  const text = useText();
  const pages = Math.ceil(total / pageSize);
  if (pages < 2) return null;
  return (
    <Flex tag="nav" aria-label={text('character-chat.versions.dialog')} gap={3} justifyContent="center">
      <Button variant="tertiary" size="S" disabled={page === 1} onClick={() => onChange(page - 1)}>
        {text('character-chat.versions.earlier')}
      </Button>
      <Box aria-live="polite">
        <Typography>{text('character-chat.versions.page', { page, pages })}</Typography>
      </Box>
      <Button variant="tertiary" size="S" disabled={page === pages} onClick={() => onChange(page + 1)}>
        {text('character-chat.versions.later')}
      </Button>
    </Flex>
  );
}

/** All columns fit the dialog in a window of 768 pixels. The dates may have several lines. */
const VersionTable = styled(Table)`
  @media (width < 1080px) {
    white-space: normal;

    && td,
    && th {
      padding-inline: ${({ theme }) => theme.spaces[1]};
    }
  }
`;
