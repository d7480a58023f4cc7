import { useId, useState } from 'react';

import { Box, Button, Flex, Loader, Typography } from '@strapi/design-system';
import { useIntl } from 'react-intl';

import { ExchangeLines } from './Chat';
import { useEarlier, type EarlierTrial } from './use-earlier';
import { useText } from './use-text';

interface EarlierProps {
  readonly documentId: string;
}

/** A list of finished trials of the character, by all editors. It is closed at first. */
export function EarlierTrials({ documentId }: EarlierProps) {
  const text = useText();
  const listId = useId();
  const [isOpen, setOpen] = useState(false);
  return (
    <Box>
      <Button
        variant="tertiary"
        aria-expanded={isOpen}
        aria-controls={listId}
        onClick={() => setOpen((was) => !was)}
      >
        {text(isOpen ? 'character-chat.try.earlier.hide' : 'character-chat.try.earlier.show')}
      </Button>
      <Box id={listId} paddingTop={isOpen ? 3 : 0}>
        {isOpen && <TrialList documentId={documentId} />}
      </Box>
    </Box>
  );
}

function TrialList({ documentId }: EarlierProps) {
  const text = useText();
  const titleId = useId();
  const { trials, hasMore, state, more } = useEarlier(documentId);
  return (
    <Box tag="section" aria-labelledby={titleId}>
      <Typography id={titleId} variant="delta" tag="h3">
        {text('character-chat.try.earlier.title')}
      </Typography>
      <Flex direction="column" alignItems="stretch" gap={4} paddingTop={2}>
        {trials.map((trial) => (
          <TrialItem key={trial.id} {...trial} />
        ))}
        {state === 'loading' && <Loader small>{text('character-chat.try.loading')}</Loader>}
        {state === 'failed' && (
          <Typography textColor="danger600" role="alert">
            {text('character-chat.try.earlier.failed')}
          </Typography>
        )}
        {state === 'loaded' && trials.length === 0 && (
          <Typography textColor="neutral600">{text('character-chat.try.earlier.empty')}</Typography>
        )}
        {hasMore && state !== 'loading' && (
          <Button variant="tertiary" size="S" onClick={more}>
            {text('character-chat.try.earlier.more')}
          </Button>
        )}
      </Flex>
    </Box>
  );
}

function TrialItem({ query, answer, at, editor, ...trial }: EarlierTrial) {
  const text = useText();
  const { formatDate } = useIntl();
  const when = formatDate(at, { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <Box tag="article" background="neutral100" hasRadius padding={4}>
      <Typography variant="pi" textColor="neutral600" tag="p">
        {[when, useTriedName(trial)].join(' · ')}
      </Typography>
      <ExchangeLines
        query={query}
        answer={answer}
        by={editor ?? text('character-chat.try.earlier.someone')}
        end={trial}
      />
    </Box>
  );
}

/** Returns the name of what was tried. A draft that no version equals is named by the beginning of its hash. */
function useTriedName({ side, version, hash }: Pick<EarlierTrial, 'side' | 'version' | 'hash'>): string {
  const text = useText();
  if (version === null)
    return side === 'draft'
      ? text('character-chat.try.earlier.draft', { hash: hash?.slice(0, 8) ?? '' })
      : text('character-chat.try.published');
  return text(
    side === 'draft' ? 'character-chat.try.earlier.draft-version' : 'character-chat.try.earlier.version',
    { version },
  );
}
