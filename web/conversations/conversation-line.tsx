import { useState } from 'preact/hooks';
import type { Session } from 'character-chat-client';

import { words } from '../i18n';
import { navigate, route, toPath } from '../platform/router';
import { focusIfLost } from '../ui/focus';
import { Icon } from '../ui/icon';
import { Link } from '../ui/link';
import { Menu } from '../ui/menu';
import { showError, showToast } from '../ui/toast';
import { RenameDialog } from './rename-dialog';
import { deleteConversation, restoreConversation } from './store';

/** One conversation of the side list, with its actions. */
export function ConversationLine({ session }: { readonly session: Session }) {
  const [isRenaming, setRenaming] = useState(false);
  const { untitled, options, rename, delete: deleteLabel, unknownCharacter } = words.value;
  const { session_id: sessionId, ai_character: character } = session;
  const title = session.title || untitled;
  const { value } = route;
  const isOpen = value.page === 'conversation' && value.sessionId === sessionId;
  return (
    <li class="conversation" data-open={isOpen}>
      <Link to={{ page: 'conversation', sessionId }} {...(isOpen && { 'aria-current': 'page' as const })}>
        <span class="title">{title}</span>
        <span class="quiet">{character?.name ?? unknownCharacter}</span>
      </Link>
      <Menu
        label={options(title)}
        items={[
          { label: rename, onSelect: () => setRenaming(true) },
          {
            label: deleteLabel,
            kind: 'danger',
            onSelect: () => void remove(sessionId, title).catch(showError),
          },
        ]}
      >
        <Icon name="more" />
      </Menu>
      {isRenaming && <RenameDialog session={session} onClose={() => setRenaming(false)} />}
    </li>
  );
}

async function remove(sessionId: string, title: string): Promise<void> {
  await deleteConversation(sessionId);
  const { value } = route;
  if (value.page === 'conversation' && value.sessionId === sessionId) navigate({ page: 'start' });
  const { deleted, undo } = words.value;
  showToast({
    text: deleted(title),
    action: { label: undo, run: () => void restore(sessionId).catch(showError) },
  });
}

async function restore(sessionId: string): Promise<void> {
  await restoreConversation(sessionId);
  const path = toPath({ page: 'conversation', sessionId });
  // The list shows it before the next frame.
  requestAnimationFrame(() =>
    focusIfLost(document.querySelector(`.conversation a[href="${CSS.escape(path)}"]`)),
  );
}
