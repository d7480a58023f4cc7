import type { Session } from 'character-chat-client';

import { words } from '../i18n';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { Field } from '../ui/field';
import { showError } from '../ui/toast';
import { renameConversation } from './store';

export interface RenameDialogProps {
  readonly session: Session;
  readonly onClose: () => void;
}

export function RenameDialog({ session, onClose }: RenameDialogProps) {
  const { rename, title, cancel, save } = words.value;
  function onSubmit(event: SubmitEvent): void {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get('title');
    onClose();
    if (typeof text === 'string') void renameConversation(session.session_id, text.trim()).catch(showError);
  }
  return (
    <Dialog title={rename} onClose={onClose}>
      <form onSubmit={onSubmit}>
        <Field label={title} name="title" defaultValue={session.title} required maxLength={200} autofocus />
        <div class="actions">
          <Button onClick={onClose}>{cancel}</Button>
          <Button type="submit" kind="primary">
            {save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
