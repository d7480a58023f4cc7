import { computed, signal } from '@preact/signals';
import { useRef } from 'preact/hooks';

import { words } from '../i18n';
import type { NewQuestion } from '../messages/thread/questions';
import { client } from '../platform/client';
import { IconButton } from '../ui/button';
import { Icon } from '../ui/icon';
import { showError } from '../ui/toast';

type Attached = NewQuestion['files'][number];

/** The files that go with the next question. */
export function createAttachments(characterId: string) {
  const files = signal<readonly Attached[]>([]);
  const uploads = signal(0);
  return {
    files,
    isUploading: computed(() => uploads.value > 0),
    async add(file: File): Promise<void> {
      uploads.value += 1;
      try {
        const uploaded = await client.files.upload({ character_id: characterId, file });
        files.value = [...files.value, { name: file.name, file: client.files.toQuestionFile(uploaded) }];
      } finally {
        uploads.value -= 1;
      }
    },
    remove: (file: Attached) => void (files.value = files.value.filter((other) => other !== file)),
    take(): readonly Attached[] {
      const taken = files.value;
      files.value = [];
      return taken;
    },
    putBack: (taken: readonly Attached[]) => void (files.value = [...taken, ...files.value]),
  };
}

interface AttachmentsProps {
  readonly attachments: ReturnType<typeof createAttachments>;
}

export function Attachments({ attachments }: AttachmentsProps) {
  const { uploading, removeFile } = words.value;
  if (attachments.files.value.length === 0 && !attachments.isUploading.value) return null;
  return (
    <ul class="files">
      {attachments.files.value.map((file) => (
        <li key={file}>
          {file.name}
          <IconButton label={removeFile(file.name)} onClick={() => attachments.remove(file)}>
            <Icon name="close" />
          </IconButton>
        </li>
      ))}
      {attachments.isUploading.value && <li class="quiet">{uploading}</li>}
    </ul>
  );
}

export function AttachButton({ attachments }: AttachmentsProps) {
  const input = useRef<HTMLInputElement>(null);
  const { attach } = words.value;
  function onChange(): void {
    for (const file of input.current?.files ?? []) void attachments.add(file).catch(showError);
    if (input.current) input.current.value = '';
  }
  return (
    <>
      <input ref={input} type="file" hidden multiple aria-label={attach} onChange={onChange} />
      <IconButton label={attach} onClick={() => input.current?.click()}>
        <Icon name="attach" />
      </IconButton>
    </>
  );
}
