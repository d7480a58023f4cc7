import { useRef, useState, type DragEvent } from 'react';

import { Box, Button, Flex, Modal, Typography } from '@strapi/design-system';
import { Upload } from '@strapi/icons';
import { adminApi, useFetchClient, useRBAC } from '@strapi/strapi/admin';
import { useDispatch } from 'react-redux';
import { Link, useParams } from 'react-router-dom';

import { characterUid } from '../shared/character-uid';
import { useText } from './use-text';

interface ImportedCard {
  readonly documentId: string;
  readonly name: string;
  readonly unused: readonly string[];
}

/** What became of one file. */
interface Result {
  readonly file: string;
  readonly card?: ImportedCard;
  readonly error?: string;
}

const accepted = '.png,.json,image/png,application/json';
const permissions = [{ action: 'plugin::content-manager.explorer.create', subject: characterUid }];

/** A button above the list of characters. Each file becomes a draft. */
export function ImportCards() {
  const { slug } = useParams();
  const { allowedActions } = useRBAC(permissions);
  return slug === characterUid && allowedActions['canCreate'] === true ? <ImportDialog /> : null;
}

function ImportDialog() {
  const text = useText();
  return (
    <Modal.Root>
      <Modal.Trigger>
        <Button variant="secondary" size="S" startIcon={<Upload />}>
          {text('character-chat.cards.import')}
        </Button>
      </Modal.Trigger>
      <Modal.Content>
        <Modal.Header closeLabel={text('character-chat.cards.import.close')}>
          <Modal.Title>{text('character-chat.cards.import.title')}</Modal.Title>
        </Modal.Header>
        <Modal.Body>
          <CardFiles />
        </Modal.Body>
        <Modal.Footer>
          <Modal.Close>
            <Button variant="tertiary">{text('character-chat.cards.import.close')}</Button>
          </Modal.Close>
        </Modal.Footer>
      </Modal.Content>
    </Modal.Root>
  );
}

function CardFiles() {
  const text = useText();
  const input = useRef<HTMLInputElement>(null);
  const { results, isRunning, importFiles } = useImport();

  function onDrop(event: DragEvent): void {
    event.preventDefault();
    void importFiles([...event.dataTransfer.files]);
  }

  return (
    <Flex direction="column" alignItems="stretch" gap={4}>
      <Flex
        direction="column"
        gap={4}
        padding={8}
        hasRadius
        borderColor="neutral200"
        borderStyle="dashed"
        background="neutral100"
        onDragOver={(event: DragEvent) => event.preventDefault()}
        onDrop={onDrop}
      >
        <Typography textAlign="center">{text('character-chat.cards.import.hint')}</Typography>
        <Button variant="secondary" loading={isRunning} onClick={() => input.current?.click()}>
          {text(isRunning ? 'character-chat.cards.import.running' : 'character-chat.cards.import.choose')}
        </Button>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          accept={accepted}
          onChange={({ target }) => {
            void importFiles([...(target.files ?? [])]);
            target.value = '';
          }}
        />
      </Flex>
      <Box tag="ul" aria-live="polite">
        {results.map((result, index) => (
          <ResultLine key={index} {...result} />
        ))}
      </Box>
    </Flex>
  );
}

function ResultLine({ file, card, error }: Result) {
  const text = useText();
  if (card === undefined)
    return (
      <Box tag="li" paddingTop={2}>
        <Typography textColor="danger600">{`${file}: ${error}`}</Typography>
      </Box>
    );
  const parts = card.unused.join(', ');
  return (
    <Box tag="li" paddingTop={2}>
      <Typography tag={Link} to={`/content-manager/collection-types/${characterUid}/${card.documentId}`}>
        {text('character-chat.cards.import.done', { name: card.name })}
      </Typography>
      {parts !== '' && (
        <Typography tag="p" variant="pi" textColor="neutral600">
          {text('character-chat.cards.import.unused', { parts })}
        </Typography>
      )}
    </Box>
  );
}

function useImport() {
  const text = useText();
  const { post } = useFetchClient();
  const dispatch = useDispatch();
  const [results, setResults] = useState<readonly Result[]>([]);
  const [isRunning, setRunning] = useState(false);

  async function importOne(file: File): Promise<Result> {
    const form = new FormData();
    form.append('file', file);
    try {
      const { data } = await post<{ data: ImportedCard }>('/admin/character-cards', form);
      return { file: file.name, card: data.data };
    } catch (error) {
      const sentence = error instanceof Error ? error.message : '';
      return { file: file.name, error: sentence || text('character-chat.cards.import.failed') };
    }
  }

  async function importFiles(files: readonly File[]): Promise<void> {
    setRunning(true);
    for (const file of files) {
      const result = await importOne(file);
      setResults((earlier) => [...earlier, result]);
    }
    setRunning(false);
    // The list of characters behind the dialog loads again.
    dispatch(adminApi.util.invalidateTags(['Document' as never]));
  }

  return { results, isRunning, importFiles };
}
