import { Badge, Box, Flex, Typography } from '@strapi/design-system';
import { useIntl } from 'react-intl';

import type { Conversation, Message } from './types';
import { useText } from './use-text';

interface BubbleProps {
  readonly message: Message;
  readonly session: Conversation;
}

/** One line of a conversation. The text is shown as it is, so nothing in it can run or load. */
export function MessageBubble({ message, session }: BubbleProps) {
  const text = useText();
  const { role, files, outcome, errorCode, isSuperseded } = message;
  const isUser = role === 'user';
  const names = { user: session.user?.username, assistant: session.character?.name, tool: undefined };
  return (
    <Flex tag="li" direction="column" alignItems={isUser ? 'end' : 'start'} gap={1}>
      <Flex gap={2}>
        <Typography variant="pi" fontWeight="bold" textColor="neutral800">
          {names[role] ?? text(`character-chat.conversations.role.${role}`)}
        </Typography>
        {isSuperseded && <Badge size="S">{text('character-chat.conversations.superseded')}</Badge>}
        {outcome !== null && outcome !== 'completed' && (
          <Badge size="S" variant={outcome === 'failed' ? 'danger' : 'warning'}>
            {text(`character-chat.conversations.mark.${outcome}`)}
          </Badge>
        )}
      </Flex>
      {message.text !== '' && (
        <Box
          background={isUser ? 'primary100' : 'neutral0'}
          borderColor={isUser ? 'primary200' : 'neutral200'}
          hasRadius
          padding={4}
          maxWidth="min(72rem, 85%)"
        >
          <Typography
            textColor={isSuperseded ? 'neutral600' : 'neutral800'}
            style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
          >
            {message.text}
          </Typography>
        </Box>
      )}
      {files.length > 0 && (
        <Typography variant="pi" textColor="neutral600">
          {text('character-chat.conversations.files', { files: files.join(', ') })}
        </Typography>
      )}
      {errorCode !== null && <Cause code={errorCode} detail={message.errorDetail} />}
      <Facts message={message} />
    </Flex>
  );
}

function Cause({ code, detail }: { readonly code: string; readonly detail: string | null }) {
  const text = useText();
  return (
    <Box background="danger100" borderColor="danger200" hasRadius padding={3} maxWidth="min(72rem, 85%)">
      <Typography tag="p" textColor="danger700" fontWeight="semiBold">
        {text('character-chat.conversations.error', { code })}
      </Typography>
      {detail !== null && (
        <Typography
          tag="p"
          textColor="danger700"
          paddingTop={1}
          style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
        >
          {detail}
        </Typography>
      )}
    </Box>
  );
}

/** The small print below a message: when, how many tokens, at what price. A fact that is null is left out. */
function Facts({ message }: { readonly message: Message }) {
  const text = useText();
  const { formatDate, formatNumber } = useIntl();
  const { createdAt, usage, model, rating } = message;
  const facts = [
    formatDate(createdAt, { dateStyle: 'medium', timeStyle: 'medium' }),
    typeof usage?.totalTokens === 'number' &&
      text('character-chat.conversations.tokens', { tokens: formatNumber(usage.totalTokens) }),
    usage?.price && `${usage.price} ${usage.currency ?? ''}`.trim(),
    typeof usage?.seconds === 'number' &&
      text('character-chat.conversations.seconds', {
        seconds: formatNumber(usage.seconds, { maximumFractionDigits: 1 }),
      }),
    model,
    rating && text(`character-chat.conversations.mark.${rating}`),
  ];
  return (
    <Typography variant="pi" textColor="neutral600">
      {facts.filter(Boolean).join(' · ')}
    </Typography>
  );
}
