import { useEffect } from 'react';

import { Box, Button, EmptyStateLayout, Flex, LinkButton, Loader, Typography } from '@strapi/design-system';
import { Layouts, Page, useRBAC } from '@strapi/strapi/admin';
import { Link, useSearchParams } from 'react-router-dom';

import { ConversationTable } from './ConversationTable';
import { Filters } from './Filters';
import { toListPath, type FilterName } from './filter-params';
import { mayReadAudit } from './rights';
import type { Conversation, ConversationPage } from './types';
import { useParts } from './use-parts';
import { useText } from './use-text';

/** A search reads a part of all messages at once. The page goes on until it has this many conversations. */
const wantedHits = 10;

export function ConversationList() {
  const text = useText();
  const [filters, setFilters] = useSearchParams();

  function change(name: FilterName, value: string): void {
    const changed = new URLSearchParams(filters);
    if (value === '') changed.delete(name);
    else changed.set(name, value);
    setFilters(changed);
  }

  return (
    <Page.Main>
      <Layouts.Header
        title={text('character-chat.conversations.title')}
        subtitle={text('character-chat.conversations.subtitle')}
        primaryAction={<AuditLink />}
      />
      <Layouts.Content>
        <Filters filters={filters} onChange={change} onClear={() => setFilters({})} />
        <Results filters={filters} />
      </Layouts.Content>
    </Page.Main>
  );
}

function AuditLink() {
  const text = useText();
  const { allowedActions } = useRBAC(mayReadAudit);
  if (allowedActions['canRead'] !== true) return null;
  return (
    <LinkButton tag={Link} to="/settings/character-chat-audit" variant="tertiary">
      {text('character-chat.conversations.audit.title')}
    </LinkButton>
  );
}

const cursorOf = ({ nextCursor }: ConversationPage) =>
  nextCursor === null ? null : `cursor=${encodeURIComponent(nextCursor)}`;

function Results({ filters }: { readonly filters: URLSearchParams }) {
  const text = useText();
  const { bodies, status, next, loadMore } = useParts<ConversationPage>(toListPath(filters), cursorOf);
  const conversations = withoutRepeated(bodies.flatMap(({ data }) => data));
  const isSearch = filters.has('q');
  const goesOn = isSearch && next !== null && conversations.length < wantedHits;

  useEffect(() => {
    if (status === 'ready' && goesOn) loadMore();
  }, [status, goesOn, next]);

  if (conversations.length === 0 && (status === 'loading' || (goesOn && status === 'ready'))) {
    return (
      <Flex justifyContent="center" padding={8} aria-live="polite">
        <Loader>{text('character-chat.conversations.loading')}</Loader>
      </Flex>
    );
  }
  if (conversations.length === 0 && status === 'ready')
    return <EmptyStateLayout content={text('character-chat.conversations.empty')} />;
  return (
    <Flex direction="column" alignItems="stretch" gap={4}>
      {conversations.length > 0 && <ConversationTable conversations={conversations} filters={filters} />}
      <LoadMore isShown={next !== null} status={status} onClick={loadMore} />
    </Flex>
  );
}

interface LoadMoreProps {
  readonly isShown: boolean;
  readonly status: 'loading' | 'ready' | 'failed';
  onClick(): void;
}

/** A button for the next part of a list, or for another try after a failure. */
export function LoadMore({ isShown, status, onClick }: LoadMoreProps) {
  const text = useText();
  const hasFailed = status === 'failed';
  return (
    <Box aria-live="polite">
      {hasFailed && (
        <Typography tag="p" textColor="danger600" textAlign="center" paddingBottom={2}>
          {text('character-chat.conversations.failed')}
        </Typography>
      )}
      {(isShown || hasFailed) && (
        <Flex justifyContent="center">
          <Button variant="secondary" loading={status === 'loading'} onClick={onClick}>
            {text(
              hasFailed ? 'character-chat.conversations.retry' : 'character-chat.conversations.load-more',
            )}
          </Button>
        </Flex>
      )}
    </Box>
  );
}

/** A search can find an older message of a conversation that is already shown. */
function withoutRepeated(conversations: readonly Conversation[]): readonly Conversation[] {
  return [...new Map(conversations.toReversed().map((one) => [one.sessionId, one])).values()].toReversed();
}
