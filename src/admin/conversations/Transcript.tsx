import { EmptyStateLayout, Flex, Link, Loader, MenuItem, SimpleMenu } from '@strapi/design-system';
import { ArrowLeft, Download } from '@strapi/icons';
import { Layouts, Page, useFetchClient, useNotification } from '@strapi/strapi/admin';
import { useIntl } from 'react-intl';
import { Link as RouterLink, useParams, useSearchParams } from 'react-router-dom';

import { download } from '../shared/download';
import { LoadMore } from './ConversationList';
import { toSearch, toTranscriptPath } from './filter-params';
import { MessageBubble } from './MessageBubble';
import { formats, type Conversation, type Format, type TranscriptPage } from './types';
import { useParts } from './use-parts';
import { useText } from './use-text';

const nextOf = ({ nextAfter }: TranscriptPage) => (nextAfter === null ? null : `after=${nextAfter}`);

/** One conversation, which reads like a chat. */
export function Transcript() {
  const text = useText();
  const { sessionId = '' } = useParams();
  const [filters] = useSearchParams();
  const path = toTranscriptPath(sessionId);
  const { bodies, status, next, loadMore } = useParts<TranscriptPage>(path, nextOf);
  const session = bodies[0]?.data.session;
  const messages = bodies.flatMap(({ data }) => data.messages);
  const subtitle = useSubtitle(session);
  const back = (
    <Link tag={RouterLink} to={`/conversations${toSearch(filters)}`} startIcon={<ArrowLeft />}>
      {text('character-chat.conversations.back')}
    </Link>
  );
  return (
    <Page.Main>
      <Layouts.Header
        navigationAction={back}
        title={session?.title || sessionId}
        subtitle={subtitle}
        primaryAction={session && <ExportMenu path={path} sessionId={sessionId} />}
      />
      <Layouts.Content>
        {session === undefined && status === 'loading' && (
          <Flex justifyContent="center" padding={8}>
            <Loader>{text('character-chat.conversations.loading')}</Loader>
          </Flex>
        )}
        {session === undefined && status === 'failed' && (
          <EmptyStateLayout content={text('character-chat.conversations.gone')} />
        )}
        {session !== undefined && (
          <Flex direction="column" alignItems="stretch" gap={6}>
            <Flex
              tag="ol"
              direction="column"
              alignItems="stretch"
              gap={4}
              aria-label={text('character-chat.conversations.transcript')}
            >
              {messages.map((message) => (
                <MessageBubble key={message.id} message={message} session={session} />
              ))}
            </Flex>
            <LoadMore isShown={next !== null} status={status} onClick={loadMore} />
          </Flex>
        )}
      </Layouts.Content>
    </Page.Main>
  );
}

/** Strapi's header styles a subtitle only if it is a text. */
function useSubtitle(session: Conversation | undefined): string {
  const text = useText();
  const { formatDate } = useIntl();
  if (session === undefined) return '';
  return text('character-chat.conversations.between', {
    user: session.user?.username ?? '–',
    character: session.character?.name ?? '–',
    date: formatDate(session.createdAt, { dateStyle: 'long' }),
  });
}

function ExportMenu({ path, sessionId }: { readonly path: string; readonly sessionId: string }) {
  const text = useText();
  const { get } = useFetchClient();
  const { toggleNotification } = useNotification();

  async function save(format: Format): Promise<void> {
    try {
      const { data } = await get<Blob>(`${path}/export?format=${format}`, { responseType: 'blob' });
      download(data, `conversation-${sessionId}.${format}`);
    } catch {
      toggleNotification({ type: 'danger', message: text('character-chat.conversations.export.failed') });
    }
  }

  return (
    <SimpleMenu
      label={text('character-chat.conversations.export')}
      variant="secondary"
      startIcon={<Download />}
    >
      {formats.map((format) => (
        <MenuItem key={format} onSelect={() => void save(format)}>
          {text(`character-chat.conversations.export.${format}`)}
        </MenuItem>
      ))}
    </SimpleMenu>
  );
}
