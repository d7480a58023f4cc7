import { useState } from 'preact/hooks';

import { words } from '../i18n';
import { Button, IconButton } from '../ui/button';
import { Icon } from '../ui/icon';
import { showError } from '../ui/toast';
import { FileList } from './files';
import { copyText } from './markdown/markdown';
import type { Exchange } from './thread/group';
import { canAsk } from './thread/open-thread';
import type { Thread } from './thread/thread';

export interface QuestionProps {
  readonly exchange: Exchange;
  readonly thread: Thread;
  /** The message that the user has looked for. */
  readonly foundId: string | null;
}

/** What the user has asked. */
export function QuestionView({ exchange, thread, foundId }: QuestionProps) {
  const [isEditing, setEditing] = useState(false);
  const { question, asked } = exchange;
  const text = question?.query ?? asked?.query ?? '';
  const { youSay, copy, edit } = words.value;
  if (isEditing)
    return (
      <QuestionForm exchange={exchange} thread={thread} foundId={foundId} onClose={() => setEditing(false)} />
    );
  return (
    <article class="question" data-found={question?.message_id === foundId} tabIndex={-1}>
      <h2 class="hidden-text">{youSay}</h2>
      <div class="bubble">{text}</div>
      <FileList files={question?.files ?? []} names={asked?.files ?? []} />
      {question !== null && (
        <div class="actions">
          <IconButton label={copy} onClick={() => void copyText(text)}>
            <Icon name="copy" />
          </IconButton>
          {canAsk(thread) && thread.asked.value === null && (
            <IconButton label={edit} onClick={() => setEditing(true)}>
              <Icon name="edit" />
            </IconButton>
          )}
        </div>
      )}
    </article>
  );
}

function QuestionForm({ exchange, thread, onClose }: QuestionProps & { readonly onClose: () => void }) {
  const { editQuestion, cancel, sendEdit } = words.value;
  const { question } = exchange;
  function onSubmit(event: SubmitEvent): void {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get('query');
    onClose();
    if (question !== null && typeof text === 'string') void thread.edit(question, text).catch(showError);
  }
  return (
    <form
      class="question-form field"
      onSubmit={onSubmit}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <textarea
        name="query"
        aria-label={editQuestion}
        rows={4}
        required
        autofocus
        defaultValue={question?.query ?? ''}
      />
      <div class="actions">
        <Button onClick={onClose}>{cancel}</Button>
        <Button kind="primary" type="submit">
          {sendEdit}
        </Button>
      </div>
    </form>
  );
}
