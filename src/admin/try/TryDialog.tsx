import { useState, type FormEvent, type KeyboardEvent } from 'react';

import { Box, Button, Checkbox, Field, Flex, Textarea, Typography } from '@strapi/design-system';
import { useFetchClient } from '@strapi/strapi/admin';

import { Chat } from './Chat';
import { EarlierTrials } from './EarlierTrials';
import { useText } from './use-text';
import { useTrial } from './use-trial';

interface DialogProps {
  readonly documentId: string;
  readonly isPublished: boolean;
  readonly hasUnsavedChanges: boolean;
}

/** A chat with the saved draft, and on request with the published version beside it. */
export default function TryDialog({ documentId, isPublished, hasUnsavedChanges }: DialogProps) {
  const text = useText();
  const { del } = useFetchClient();
  const [trialId, setTrialId] = useState(newTrialId);
  const draft = useTrial(documentId, 'draft', trialId);
  const published = useTrial(documentId, 'published', trialId);
  const [isBeside, setBeside] = useState(false);
  const trials = isBeside ? [draft, published] : [draft];
  const isRunning = trials.some((trial) => trial.isRunning);

  function clear(): void {
    draft.clear();
    published.clear();
    // An answer that still runs in another process then belongs to no thread that continues.
    setTrialId(newTrialId());
    void del(`/admin/character-chat/trials/${trialId}`).catch(() => undefined);
  }

  return (
    <Flex direction="column" alignItems="stretch" gap={4}>
      {hasUnsavedChanges ? (
        <Box role="alert" background="warning100" borderColor="warning200" hasRadius padding={3}>
          <Typography textColor="warning700">{text('character-chat.try.unsaved')}</Typography>
        </Box>
      ) : (
        <Typography textColor="neutral600">{text('character-chat.try.saved')}</Typography>
      )}
      {isPublished && (
        <Checkbox checked={isBeside} onCheckedChange={(checked) => setBeside(checked === true)}>
          {text('character-chat.try.beside')}
        </Checkbox>
      )}
      <Flex gap={4} alignItems="stretch" wrap="wrap">
        <Chat title={text('character-chat.try.draft')} trial={draft} />
        {isBeside && <Chat title={text('character-chat.try.published')} trial={published} />}
      </Flex>
      <Question
        isRunning={isRunning}
        onSend={(query) => trials.forEach((trial) => void trial.send(query))}
        onStop={() => trials.forEach((trial) => trial.stop())}
        onClear={clear}
      />
      <EarlierTrials documentId={documentId} />
    </Flex>
  );
}

interface QuestionProps {
  readonly isRunning: boolean;
  readonly onSend: (query: string) => void;
  readonly onStop: () => void;
  readonly onClear: () => void;
}

function Question({ isRunning, onSend, onStop, onClear }: QuestionProps) {
  const text = useText();
  const [query, setQuery] = useState('');

  function send(event: FormEvent | KeyboardEvent): void {
    event.preventDefault();
    // The dialog is inside the form of the character in React's tree, which must not be submitted.
    event.stopPropagation();
    if (isRunning || query.trim() === '') return;
    onSend(query.trim());
    setQuery('');
  }

  function onKeyDown(event: KeyboardEvent): void {
    // Enter also ends the input of Chinese characters.
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) send(event);
  }

  return (
    <Box tag="form" onSubmit={send}>
      <Field.Root>
        <Field.Label>{text('character-chat.try.question')}</Field.Label>
        <Textarea
          value={query}
          maxLength={20_000}
          onKeyDown={onKeyDown}
          onChange={({ target }: { target: { value: string } }) => setQuery(target.value)}
        />
      </Field.Root>
      <Flex gap={2} paddingTop={3} justifyContent="flex-end">
        <Button variant="tertiary" onClick={onClear}>
          {text('character-chat.try.clear')}
        </Button>
        {isRunning ? (
          <Button variant="danger-light" onClick={onStop}>
            {text('character-chat.try.stop')}
          </Button>
        ) : (
          <Button type="submit" disabled={query.trim() === ''}>
            {text('character-chat.try.send')}
          </Button>
        )}
      </Flex>
    </Box>
  );
}

/** `randomUUID` needs HTTPS or localhost. */
function newTrialId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
