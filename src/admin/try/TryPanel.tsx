import { lazy, Suspense, useState } from 'react';

import { Button, Flex, Loader, Modal, Typography } from '@strapi/design-system';
import { Play } from '@strapi/icons';
import { useAuth, useForm } from '@strapi/strapi/admin';

import { characterUid } from '../shared/character-uid';
import { useText } from './use-text';

const TryDialog = lazy(() => import('./TryDialog'));

interface PanelProps {
  readonly model: string;
  readonly documentId?: string;
  readonly document?: { readonly name?: string; readonly status?: string };
}

/** The panel is only for administrators with the right to try characters. */
export function TryPanel({ model, documentId, document: character }: PanelProps) {
  const text = useText();
  const permissions = useAuth('TryPanel', (auth) => auth.permissions);
  const mayTry = permissions.some(({ action }) => action === 'api::chat-trials.create');
  if (model !== characterUid || documentId === undefined || !mayTry) return null;
  const isPublished = character?.status !== undefined && character.status !== 'draft';
  return {
    title: text('character-chat.try.title'),
    content: <PanelContent {...{ documentId, isPublished }} name={character?.name ?? ''} />,
  };
}

interface ContentProps {
  readonly documentId: string;
  readonly name: string;
  readonly isPublished: boolean;
}

function PanelContent({ documentId, name, isPublished }: ContentProps) {
  const text = useText();
  const [isOpen, setOpen] = useState(false);
  const hasUnsavedChanges = useForm('TryPanel', ({ modified }) => modified, false) === true;
  return (
    <Flex direction="column" alignItems="stretch" gap={3} width="100%">
      <Typography>{text('character-chat.try.hint')}</Typography>
      <Modal.Root open={isOpen} onOpenChange={setOpen}>
        <Modal.Trigger>
          <Button variant="secondary" fullWidth startIcon={<Play />}>
            {text('character-chat.try.open')}
          </Button>
        </Modal.Trigger>
        <Modal.Content style={{ width: '94%', maxWidth: '112rem' }}>
          <Modal.Header closeLabel={text('character-chat.try.close')}>
            <Modal.Title>{text('character-chat.try.dialog', { name })}</Modal.Title>
          </Modal.Header>
          <Modal.Body>
            <Suspense fallback={<Loader>{text('character-chat.try.loading')}</Loader>}>
              <TryDialog {...{ documentId, isPublished, hasUnsavedChanges }} />
            </Suspense>
          </Modal.Body>
        </Modal.Content>
      </Modal.Root>
    </Flex>
  );
}
