import { lazy, Suspense, useState } from 'react';

import { Button, Flex, Loader, Modal, Typography } from '@strapi/design-system';
import { ClockCounterClockwise } from '@strapi/icons';
import { useAuth } from '@strapi/strapi/admin';

import { characterUid } from '../shared/character-uid';
import { useLoaded, versionsUrl, type VersionPage } from './use-versions';
import { useText } from './use-text';

const VersionsDialog = lazy(() => import('./VersionsDialog'));

interface PanelProps {
  readonly model: string;
  readonly documentId?: string;
  readonly document?: { readonly updatedAt?: string };
  readonly meta?: { readonly availableStatus?: readonly unknown[] };
}

/** The panel is only for administrators who may read prompts. */
export function VersionsPanel({ model, documentId, document: character, meta }: PanelProps) {
  const text = useText();
  const mayRead = useAuth('VersionsPanel', ({ permissions }) => permissions).some(
    ({ action, subject, properties }) =>
      action === 'plugin::content-manager.explorer.read' &&
      subject === characterUid &&
      (properties as { fields?: readonly string[] } | undefined)?.fields?.includes('prompt') !== false,
  );
  if (model !== characterUid || documentId === undefined || !mayRead) return null;
  // A publish changes these, so the panel loads again.
  const mark = JSON.stringify([character?.updatedAt, meta?.availableStatus]);
  return {
    title: text('character-chat.versions.title'),
    content: <PanelContent documentId={documentId} mark={mark} />,
  };
}

function PanelContent({ documentId, mark }: { readonly documentId: string; readonly mark: string }) {
  const text = useText();
  const [isOpen, setOpen] = useState(false);
  const page = useLoaded<VersionPage>(versionsUrl(documentId), mark);
  const newest = page?.data[0];
  return (
    <Flex direction="column" alignItems="stretch" gap={3} width="100%">
      <Typography aria-live="polite">
        {page === null && text('character-chat.versions.failed')}
        {page && newest === undefined && text('character-chat.versions.none')}
        {newest && text('character-chat.versions.newest', { version: newest.version })}
      </Typography>
      {newest && (
        <Modal.Root open={isOpen} onOpenChange={setOpen}>
          <Modal.Trigger>
            <Button variant="secondary" fullWidth startIcon={<ClockCounterClockwise />}>
              {text('character-chat.versions.open')}
            </Button>
          </Modal.Trigger>
          <Modal.Content style={{ width: '94%', maxWidth: '112rem' }}>
            <Modal.Header closeLabel={text('character-chat.versions.close')}>
              <Modal.Title>{text('character-chat.versions.dialog')}</Modal.Title>
            </Modal.Header>
            <Modal.Body>
              <Suspense fallback={<Loader>{text('character-chat.versions.loading')}</Loader>}>
                <VersionsDialog documentId={documentId} onRestored={() => setOpen(false)} />
              </Suspense>
            </Modal.Body>
          </Modal.Content>
        </Modal.Root>
      )}
    </Flex>
  );
}
