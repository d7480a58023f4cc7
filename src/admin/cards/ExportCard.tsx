import { Download } from '@strapi/icons';
import { useFetchClient, useNotification } from '@strapi/strapi/admin';

import { useText } from './use-text';

export const characterUid = 'api::ai-character.ai-character';

interface DocumentProps {
  readonly documentId?: string;
  readonly model: string;
  readonly document?: { readonly name?: string };
}

/** Saves a file in the browser's folder of downloads. */
function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function createExport(format: 'png' | 'json') {
  return function ExportCard({ documentId, model, document: character }: DocumentProps) {
    const text = useText();
    const { get } = useFetchClient();
    const { toggleNotification } = useNotification();
    if (model !== characterUid || documentId === undefined) return null;

    async function save(): Promise<void> {
      try {
        const url = `/admin/character-cards/${documentId}?format=${format}`;
        const { data } = await get<Blob>(url, { responseType: 'blob' });
        download(data, `${character?.name ?? documentId}.${format}`);
      } catch {
        toggleNotification({ type: 'danger', message: text('character-chat.cards.export.failed') });
      }
    }

    return {
      label: text(`character-chat.cards.export.${format}`),
      icon: <Download />,
      position: ['header', 'table-row'] as const,
      onClick: () => void save(),
    };
  };
}

/** Actions of one character: in the menu of its form, and of its row in the list. */
export const exportActions = [createExport('png'), createExport('json')];
