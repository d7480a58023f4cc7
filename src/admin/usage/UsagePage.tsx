import { useState } from 'react';

import {
  Box,
  Button,
  Flex,
  Loader,
  SingleSelect,
  SingleSelectOption,
  Tabs,
  Typography,
} from '@strapi/design-system';
import { Download } from '@strapi/icons';
import { Layouts, Page, useFetchClient, useNotification } from '@strapi/strapi/admin';

import { download } from '../shared/download';
import { metrics, type Metric } from './metrics';
import { UsageChart } from './UsageChart';
import { Labelled, UsageFilters, type Filters } from './UsageFilters';
import { UsageTable } from './UsageTable';
import { UsageTotals } from './UsageTotals';
import { useText } from './use-text';
import { path, useUsage, type Dimension, type Parameters, type Usage } from './use-usage';

const permissions = [{ action: 'api::chat-usage.read', subject: null }];
const dimensions: readonly Dimension[] = ['day', 'character', 'model'];

export default function ProtectedUsagePage() {
  return (
    <Page.Protect permissions={permissions as never}>
      <UsagePage />
    </Page.Protect>
  );
}

function UsagePage() {
  const text = useText();
  const [filters, setFilters] = useState<Filters>({ range: '30' });
  const [by, setBy] = useState<Dimension>('day');
  const days = toDays(filters);
  const parameters = { ...days, ...chosenOf(filters), by };
  const { usage, isLoading, isFailed, retry } = useUsage(parameters);
  const characters = useUsage({ ...days, by: 'character' }).usage?.rows ?? [];
  const models = useUsage({ ...days, by: 'model' }).usage?.rows ?? [];

  return (
    <Page.Main aria-busy={isLoading}>
      <Page.Title>{text('character-chat.usage.title')}</Page.Title>
      <Layouts.Header
        title={text('character-chat.usage.title')}
        subtitle={text('character-chat.usage.subtitle')}
        primaryAction={<DownloadButton parameters={parameters} />}
      />
      <Layouts.Content>
        <Flex direction="column" alignItems="stretch" gap={6} paddingBottom={8}>
          <UsageFilters filters={filters} onChange={setFilters} characters={characters} models={models} />
          <Tabs.Root variant="simple" value={by} onValueChange={(value) => setBy(value as Dimension)}>
            <Tabs.List aria-label={text('character-chat.usage.by')}>
              {dimensions.map((dimension) => (
                <Tabs.Trigger key={dimension} value={dimension}>
                  {text(`character-chat.usage.by.${dimension}`)}
                </Tabs.Trigger>
              ))}
            </Tabs.List>
            <Tabs.Content value={by}>
              <Box paddingTop={6}>
                {isFailed && !isLoading ? (
                  <Failed retry={retry} />
                ) : usage === undefined || usage.by !== by ? (
                  <Flex justifyContent="center" padding={8}>
                    <Loader>{text('character-chat.usage.loading')}</Loader>
                  </Flex>
                ) : (
                  <Results usage={usage} />
                )}
              </Box>
            </Tabs.Content>
          </Tabs.Root>
        </Flex>
      </Layouts.Content>
    </Page.Main>
  );
}

/** The server knows which day is today in the time zone of the history. */
function toDays({ range, from, to }: Filters): Parameters {
  if (range !== 'custom') return { days: range };
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function chosenOf({ character, model }: Filters): Parameters {
  return { ...(character === undefined ? {} : { character }), ...(model === undefined ? {} : { model }) };
}

function Results({ usage }: { readonly usage: Usage }) {
  const text = useText();
  const [id, setId] = useState<Metric['id']>('messages');
  const metric = metrics.find((one) => one.id === id) ?? metrics[0];
  if (metric === undefined) return null;
  return (
    <Flex direction="column" alignItems="stretch" gap={6}>
      <UsageTotals totals={usage.totals} />
      {usage.totals.messages === 0 && (
        <Typography textColor="neutral600">{text('character-chat.usage.empty')}</Typography>
      )}
      <Box background="neutral0" hasRadius shadow="tableShadow" padding={6}>
        <Flex direction="column" alignItems="stretch" gap={6}>
          <Flex>
            <Labelled label={text('character-chat.usage.metric')}>
              <SingleSelect value={id} onChange={(value) => setId(value as Metric['id'])}>
                {metrics.map((one) => (
                  <SingleSelectOption key={one.id} value={one.id}>
                    {text(one.label)}
                  </SingleSelectOption>
                ))}
              </SingleSelect>
            </Labelled>
          </Flex>
          <UsageChart usage={usage} metric={metric} />
        </Flex>
      </Box>
      <UsageTable usage={usage} />
    </Flex>
  );
}

function Failed({ retry }: { readonly retry: () => void }) {
  const text = useText();
  return (
    <Flex direction="column" gap={4} padding={8} role="alert">
      <Typography>{text('character-chat.usage.failed')}</Typography>
      <Button variant="secondary" onClick={retry}>
        {text('character-chat.usage.retry')}
      </Button>
    </Flex>
  );
}

function DownloadButton({ parameters }: { readonly parameters: Parameters }) {
  const text = useText();
  const { get } = useFetchClient();
  const { toggleNotification } = useNotification();

  async function save(): Promise<void> {
    try {
      const query = String(new URLSearchParams(parameters));
      const { data } = await get<Blob>(`${path}.csv?${query}`, { responseType: 'blob' });
      download(data, `usage-by-${parameters['by']}.csv`);
    } catch {
      toggleNotification({ type: 'danger', message: text('character-chat.usage.download.failed') });
    }
  }

  return (
    <Button variant="secondary" startIcon={<Download />} onClick={() => void save()}>
      {text('character-chat.usage.download')}
    </Button>
  );
}
