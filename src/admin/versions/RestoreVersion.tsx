import { useState } from 'react';

import { Button, Dialog } from '@strapi/design-system';
import { adminApi, useFetchClient, useNotification } from '@strapi/strapi/admin';
import { useDispatch } from 'react-redux';

import type { english } from './translations';
import { useText } from './use-text';
import { versionsUrl, type Restored } from './use-versions';

interface RestoreProps {
  readonly documentId: string;
  readonly version: number;
  readonly onRestored: () => void;
}

/** Asks first, because the form loads again and loses what is not saved. */
export function RestoreVersion({ documentId, version, onRestored }: RestoreProps) {
  const text = useText();
  const { isRunning, restore } = useRestore(documentId, version, onRestored);
  return (
    <Dialog.Root>
      <Dialog.Trigger>
        <Button
          variant="tertiary"
          size="S"
          aria-label={text('character-chat.versions.restore.label', { version })}
        >
          {text('character-chat.versions.restore')}
        </Button>
      </Dialog.Trigger>
      <Dialog.Content>
        <Dialog.Header>{text('character-chat.versions.restore.label', { version })}</Dialog.Header>
        <Dialog.Body>{text('character-chat.versions.restore.question', { version })}</Dialog.Body>
        <Dialog.Footer>
          <Dialog.Cancel>
            <Button fullWidth variant="tertiary">
              {text('character-chat.versions.restore.cancel')}
            </Button>
          </Dialog.Cancel>
          <Dialog.Action>
            <Button fullWidth loading={isRunning} onClick={() => void restore()}>
              {text('character-chat.versions.restore.confirm')}
            </Button>
          </Dialog.Action>
        </Dialog.Footer>
      </Dialog.Content>
    </Dialog.Root>
  );
}

function useRestore(documentId: string, version: number, onRestored: () => void) {
  const text = useText();
  const { post } = useFetchClient();
  const { toggleNotification } = useNotification();
  const dispatch = useDispatch();
  const [isRunning, setRunning] = useState(false);

  function report({ restored, skipped }: Restored): void {
    const fields = skipped
      .map((name) => text(`character-chat.versions.field.${name}` as keyof typeof english))
      .join(', ');
    if (skipped.length > 0) {
      const message = text('character-chat.versions.restore.skipped', { fields });
      toggleNotification({ type: 'warning', message });
    }
    const outcome = restored.length + skipped.length === 0 ? 'same' : 'done';
    if (restored.length > 0 || outcome === 'same') {
      const message = text(`character-chat.versions.restore.${outcome}`, { version });
      toggleNotification({ type: 'success', message });
    }
  }

  async function restore(): Promise<void> {
    setRunning(true);
    try {
      const url = versionsUrl(documentId, `/${version}/restore`);
      const { data } = await post<{ data: Restored }>(url, {});
      report(data.data);
      // The form loads the draft again.
      dispatch(adminApi.util.invalidateTags(['Document' as never]));
      onRestored();
    } catch (error) {
      const sentence = error instanceof Error ? error.message : '';
      const message = sentence || text('character-chat.versions.restore.failed');
      toggleNotification({ type: 'danger', message });
      setRunning(false);
    }
  }

  return { isRunning, restore };
}
