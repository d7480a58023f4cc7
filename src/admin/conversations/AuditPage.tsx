import {
  EmptyStateLayout,
  Flex,
  Link,
  Loader,
  Table,
  Tbody,
  Td,
  Th,
  Thead,
  Tr,
  Typography,
} from '@strapi/design-system';
import { Layouts, Page } from '@strapi/strapi/admin';
import { useIntl } from 'react-intl';
import { Link as RouterLink } from 'react-router-dom';

import { LoadMore } from './ConversationList';
import { mayReadAudit } from './rights';
import type { AuditEntry, AuditPageReply } from './types';
import { useParts } from './use-parts';
import { useText } from './use-text';

const columns = ['at', 'who', 'action', 'session', 'user', 'detail'] as const;
const nextOf = ({ nextBefore }: AuditPageReply) => (nextBefore === null ? null : `before=${nextBefore}`);

/** The beginning of a UUID. The link has the whole id. */
const shownIdChars = 8;

/** The log of administrators who have read users' words. */
export default function AuditPage() {
  const text = useText();
  return (
    <Page.Protect permissions={mayReadAudit}>
      <Page.Title>{text('character-chat.conversations.audit.title')}</Page.Title>
      <Page.Main>
        <Layouts.Header
          title={text('character-chat.conversations.audit.title')}
          subtitle={text('character-chat.conversations.audit.subtitle')}
        />
        <Layouts.Content>
          <Entries />
        </Layouts.Content>
      </Page.Main>
    </Page.Protect>
  );
}

function Entries() {
  const text = useText();
  const { bodies, status, next, loadMore } = useParts<AuditPageReply>(
    '/admin/character-chat/chat-audit',
    nextOf,
  );
  const entries = bodies.flatMap(({ data }) => data);
  if (entries.length === 0 && status === 'loading') {
    return (
      <Flex justifyContent="center" padding={8}>
        <Loader>{text('character-chat.conversations.loading')}</Loader>
      </Flex>
    );
  }
  if (entries.length === 0 && status === 'ready')
    return <EmptyStateLayout content={text('character-chat.conversations.audit.empty')} />;
  return (
    <Flex direction="column" alignItems="stretch" gap={4}>
      {entries.length > 0 && (
        <Table colCount={columns.length} rowCount={entries.length + 1}>
          <Thead>
            <Tr>
              {columns.map((column) => (
                <Th key={column}>
                  <Typography variant="sigma" textColor="neutral600">
                    {text(`character-chat.conversations.audit.column.${column}`)}
                  </Typography>
                </Th>
              ))}
            </Tr>
          </Thead>
          <Tbody>
            {entries.map((entry) => (
              <EntryRow key={entry.id} entry={entry} />
            ))}
          </Tbody>
        </Table>
      )}
      <LoadMore isShown={next !== null} status={status} onClick={loadMore} />
    </Flex>
  );
}

function EntryRow({ entry }: { readonly entry: AuditEntry }) {
  const text = useText();
  const { formatDate } = useIntl();
  const { at, adminEmail, action, sessionId, userId, detail } = entry;
  return (
    <Tr>
      <Td>
        <Typography>{formatDate(at, { dateStyle: 'medium', timeStyle: 'medium' })}</Typography>
      </Td>
      <Td>
        <Typography>{adminEmail}</Typography>
      </Td>
      <Td>
        <Typography>{text(`character-chat.conversations.audit.action.${action}`)}</Typography>
      </Td>
      <Td>
        {sessionId !== null && (
          <Link tag={RouterLink} to={`/conversations/${encodeURIComponent(sessionId)}`} title={sessionId}>
            {sessionId.slice(0, shownIdChars)}
          </Link>
        )}
      </Td>
      <Td>
        <Typography>{userId ?? ''}</Typography>
      </Td>
      <Td>
        <Typography>{detail ?? ''}</Typography>
      </Td>
    </Tr>
  );
}
