import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { CharacterList } from '../characters/character-list';
import { chosenCharacter, loadCharacters } from '../characters/store';
import { SideList } from '../conversations/side-list';
import { refreshConversations } from '../conversations/store';
import { words } from '../i18n';
import { route } from '../platform/router';
import { listenToTabs } from '../platform/tabs';
import { IconButton } from '../ui/button';
import { Icon } from '../ui/icon';
import { showError } from '../ui/toast';
import { Conversation } from './conversation';
import { Header } from './header';

/** Whether a narrow window shows the list of conversations. */
const isSideOpen = signal(false);

/** The list of conversations beside the open one. */
export function ChatPage() {
  const { openSidebar, closeSidebar, skipToChat, conversations } = words.value;
  useEffect(() => {
    void loadCharacters().catch(showError);
    return listenToTabs(() => void refreshConversations().catch(() => undefined));
  }, []);
  useEffect(() => void (isSideOpen.value = false), [route.value]);
  const toggle = () => (isSideOpen.value = !isSideOpen.value);
  return (
    <div class="chat-page">
      <a class="skip" href="#chat">
        {skipToChat}
      </a>
      <aside class="side" data-open={isSideOpen.value} aria-label={conversations}>
        <Header />
        <SideList />
      </aside>
      <main id="chat" tabIndex={-1}>
        <IconButton
          class="side-toggle"
          label={isSideOpen.value ? closeSidebar : openSidebar}
          aria-expanded={isSideOpen.value}
          onClick={toggle}
        >
          <Icon name={isSideOpen.value ? 'close' : 'menu'} />
        </IconButton>
        <OpenPage />
      </main>
    </div>
  );
}

/** A new conversation gets its address with its first question, and stays on the page. */
function OpenPage() {
  const started = useRef<{ readonly characterId: string; sessionId: string | null } | null>(null);
  const { value } = route;
  const { value: chosen } = chosenCharacter;
  if (value.page === 'conversation') {
    const { sessionId } = value;
    if (started.current !== null) started.current.sessionId ??= sessionId;
    if (started.current?.sessionId === sessionId) {
      const { characterId } = started.current;
      return <Conversation key={`new ${characterId}`} sessionId={null} characterId={characterId} />;
    }
    started.current = null;
    return <Conversation key={sessionId} sessionId={sessionId} characterId={null} />;
  }
  if (chosen === null) {
    started.current = null;
    return <CharacterList onChoose={(character) => (chosenCharacter.value = character)} />;
  }
  started.current = { characterId: chosen.documentId, sessionId: null };
  return <Conversation key={`new ${chosen.documentId}`} sessionId={null} characterId={chosen.documentId} />;
}
