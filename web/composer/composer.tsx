import { useEffect, useRef, useState } from 'preact/hooks';

import { useTakesFiles } from '../characters/takes-files';
import { words } from '../i18n';
import type { NewQuestion } from '../messages/thread/questions';
import type { Thread } from '../messages/thread/thread';
import { nameOf } from '../messages/thread/open-thread';
import { IconButton } from '../ui/button';
import { focusIfLost } from '../ui/focus';
import { Icon } from '../ui/icon';
import { showError } from '../ui/toast';
import { AttachButton, Attachments, createAttachments } from './attachments';

export interface ComposerProps {
  readonly thread: Thread;
  readonly characterId: string;
  readonly onAsk: (question: NewQuestion) => Promise<void>;
}

/** Where the user writes. Enter sends, Shift and Enter start a line, Escape stops the answer. */
export function Composer({ thread, characterId, onAsk }: ComposerProps) {
  const input = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState('');
  const [attachments] = useState(() => createAttachments(characterId));
  const takesFiles = useTakesFiles(characterId);
  const { askName, send, stop, composerHint } = words.value;
  const { value: asked } = thread.asked;
  useEffect(() => focusIfLost(input.current), [asked]);
  const canSend = asked === null && text.trim() !== '' && !attachments.isUploading.value;

  async function submit(): Promise<void> {
    if (!canSend) return;
    const files = attachments.take();
    setText('');
    try {
      await onAsk({ query: text, files });
    } catch (error) {
      // Nothing was saved, so the question can be sent again.
      setText((newer) => newer || text);
      attachments.putBack(files);
      showError(error);
    }
  }

  function onKeyDown(event: KeyboardEvent): void {
    // Enter also confirms a word of a Chinese or Japanese input method.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void submit();
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Attachments attachments={attachments} />
      <div class="composer-line">
        {takesFiles && <AttachButton attachments={attachments} />}
        <textarea
          ref={input}
          rows={1}
          aria-label={askName(nameOf(thread))}
          placeholder={askName(nameOf(thread))}
          title={composerHint}
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {asked === null ? (
          <IconButton class="primary" type="submit" label={send} disabled={!canSend}>
            <Icon name="send" />
          </IconButton>
        ) : (
          <IconButton class="primary" label={stop} onClick={() => void asked.live.stop().catch(showError)}>
            <Icon name="stop" />
          </IconButton>
        )}
      </div>
    </form>
  );
}
