import { Download } from '@strapi/icons';
import { useFetchClient, useNotification } from '@strapi/strapi/admin';

import { download } from '../shared/download';
import { useText } from './use-text';
import { characterUid } from '../shared/character-uid';

interface DocumentProps {
  readonly documentId?: string;
  readonly model: string;
  readonly document?: { readonly name?: string };
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
