import { useEffect, useMemo } from 'preact/hooks';

import { Avatar } from '../characters/avatar';
import { chosenCharacter } from '../characters/store';
import { Composer } from '../composer/composer';
import { conversations, refreshConversations } from '../conversations/store';
import { words } from '../i18n';
import { textOf } from '../i18n/errors';
import { MessageList } from '../messages/message-list';
import { Announcer } from '../messages/speech/announcer';
import { characterOf, isUnavailable, nameOf } from '../messages/thread/open-thread';
import { createThread, type Thread } from '../messages/thread/thread';
import { isOnline, listenToWake } from '../platform/connection';
import { listenToDevices } from '../platform/devices';
import { navigate } from '../platform/router';
import { listenToTabs } from '../platform/tabs';
import { showError } from '../ui/toast';

export interface ConversationProps {
  /** Null for a new conversation with a character. */
  readonly sessionId: string | null;
  readonly characterId: string | null;
}

/** The open conversation. */
export function Conversation({ sessionId, characterId }: ConversationProps) {
  const thread = useMemo(() => createThread({ ...{ sessionId, characterId }, onSession, onChange }), []);
  useEffect(() => {
    void thread.open();
    const refresh = () => refreshThread(thread);
    const stops = [
      listenToWake(refresh),
      listenToTabs((news) => 'sessionId' in news && news.sessionId === thread.sessionId() && refresh()),
      listenToEscape(thread),
    ];
    return () => {
      for (const stop of stops) stop();
      thread.close();
    };
  }, []);
  if (thread.problem.value !== null) return <p class="problem side-note">{textOf(thread.problem.value)}</p>;
  return <OpenConversation thread={thread} />;
}

const refreshThread = (thread: Thread) => void thread.refresh().catch(() => undefined);

function OpenConversation({ thread }: { readonly thread: Thread }) {
  const sessionId = thread.sessionId();
  useEffect(
    () => (sessionId === null ? undefined : listenToDevices(sessionId, () => refreshThread(thread))),
    [sessionId],
  );
  const { unavailableCharacter, offline } = words.value;
  const name = nameOf(thread);
  const character = characterOf(thread);
  const ask = (query: string) => void thread.ask({ query, files: [] }).catch(showError);
  return (
    <>
      <header class="conversation-head">
        <Avatar character={character} name={name} />
        <h1>{titleOf(thread)}</h1>
      </header>
      <MessageList thread={thread} onAsk={ask} />
      <Announcer thread={thread} />
      {!isOnline.value && (
        <p class="note" role="status">
          {offline}
        </p>
      )}
      {isUnavailable(thread) ? (
        <p class="note">{unavailableCharacter}</p>
      ) : (
        character !== null && (
          <Composer thread={thread} characterId={character.documentId} onAsk={thread.ask} />
        )
      )}
    </>
  );
}

/** The list has the newest title, also after a change in another tab. It may not have loaded an old conversation. */
function titleOf(thread: Thread): string {
  const id = thread.sessionId();
  const listed = conversations.value?.find(({ session_id }) => session_id === id);
  return (listed ?? thread.session.value)?.title || nameOf(thread);
}

function listenToEscape(thread: Thread): () => void {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || document.querySelector('dialog[open], .side[data-open=true]') !== null)
      return;
    void thread.asked.value?.live.stop().catch(showError);
  };
  addEventListener('keydown', onKeyDown);
  return () => removeEventListener('keydown', onKeyDown);
}

function onSession(sessionId: string): void {
  navigate({ page: 'conversation', sessionId }, { replace: true });
  chosenCharacter.value = null;
}
const onChange = () => void refreshConversations().catch(() => undefined);
