import { Badge, Flex, Link, Table, Tbody, Td, Th, Thead, Tr, Typography } from '@strapi/design-system';
import { useIntl } from 'react-intl';
import { Link as RouterLink } from 'react-router-dom';

import { toSearch } from './filter-params';
import type { Conversation, Mark } from './types';
import { useText } from './use-text';

interface TableProps {
  readonly conversations: readonly Conversation[];
  readonly filters: URLSearchParams;
}

const columns = ['title', 'user', 'character', 'last', 'count', 'marks'] as const;
const marks: readonly Mark[] = ['failed', 'interrupted', 'stopped', 'like', 'dislike'];
const colors = {
  failed: 'danger',
  interrupted: 'warning',
  stopped: 'neutral',
  like: 'success',
  dislike: 'warning',
} as const;

export function ConversationTable({ conversations, filters }: TableProps) {
  const text = useText();
  return (
    <Table colCount={columns.length} rowCount={conversations.length + 1}>
      <Thead>
        <Tr>
          {columns.map((column) => (
            <Th key={column}>
              <Typography variant="sigma" textColor="neutral600">
                {text(`character-chat.conversations.column.${column}`)}
              </Typography>
            </Th>
          ))}
        </Tr>
      </Thead>
      <Tbody>
        {conversations.map((conversation) => (
          <ConversationRow key={conversation.sessionId} conversation={conversation} filters={filters} />
        ))}
      </Tbody>
    </Table>
  );
}

function ConversationRow({
  conversation,
  filters,
}: {
  readonly conversation: Conversation;
  readonly filters: URLSearchParams;
}) {
  const { sessionId, title, user, character, lastMessageAt, messageCount, excerpt } = conversation;
  const { formatDate, formatNumber } = useIntl();
  const to = `/conversations/${encodeURIComponent(sessionId)}${toSearch(filters)}`;
  return (
    <Tr>
      <Td maxWidth="32rem">
        <Flex direction="column" alignItems="start" gap={1} paddingTop={2} paddingBottom={2}>
          <Link tag={RouterLink} to={to}>
            {title || sessionId}
          </Link>
          {excerpt !== undefined && <Excerpt segments={excerpt} />}
        </Flex>
      </Td>
      <Td>
        <Typography>{user?.username ?? '–'}</Typography>
      </Td>
      <Td>
        <Typography>{character?.name ?? '–'}</Typography>
      </Td>
      <Td>
        <Typography>{formatDate(lastMessageAt, { dateStyle: 'medium', timeStyle: 'short' })}</Typography>
      </Td>
      <Td>
        <Typography>{formatNumber(messageCount)}</Typography>
      </Td>
      <Td>
        <Marks counts={conversation.marks} />
      </Td>
    </Tr>
  );
}

function Excerpt({ segments }: { readonly segments: NonNullable<Conversation['excerpt']> }) {
  return (
    <Typography variant="pi" textColor="neutral600" style={{ whiteSpace: 'normal' }}>
      {segments.map(({ text, isMatch }, index) =>
        isMatch ? (
          <Typography key={index} tag="mark" variant="pi" fontWeight="bold" textColor="neutral800">
            {text}
          </Typography>
        ) : (
          text
        ),
      )}
    </Typography>
  );
}

export function Marks({ counts }: { readonly counts: Conversation['marks'] }) {
  const text = useText();
  const { formatNumber } = useIntl();
  return (
    <Flex gap={1} wrap="wrap">
      {marks
        .filter((mark) => counts[mark] > 0)
        .map((mark) => (
          <Badge key={mark} variant={colors[mark]}>
            {`${text(`character-chat.conversations.mark.${mark}`)} ${formatNumber(counts[mark])}`}
          </Badge>
        ))}
    </Flex>
  );
}
