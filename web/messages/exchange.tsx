import { computed } from '@preact/signals';
import { useLayoutEffect, useMemo, useState } from 'preact/hooks';

import { words } from '../i18n';
import { IconButton } from '../ui/button';
import { Icon } from '../ui/icon';
import { AnswerView } from './answer';
import { QuestionView } from './question';
import type { Exchange, Versions } from './thread/group';
import type { Thread } from './thread/thread';

export interface ExchangeProps {
  readonly versions: Versions;
  readonly thread: Thread;
  readonly isLast: boolean;
}

/** A question with one of its answers. It shows the newest one until the user chooses another. */
export function ExchangeView({ versions, thread, isLast }: ExchangeProps) {
  const [chosen, setChosen] = useState<number | null>(null);
  const foundId = useFoundId(versions, thread);
  useLayoutEffect(() => {
    if (foundId !== null) setChosen(versions.findIndex((version) => hasMessage(version, foundId)));
  }, [foundId]);
  const index = Math.min(chosen ?? Infinity, versions.length - 1);
  const exchange = versions[index];
  if (exchange === undefined) return null;
  return (
    <div class="exchange">
      <QuestionView exchange={exchange} thread={thread} foundId={foundId} />
      <AnswerView exchange={exchange} thread={thread} isLast={isLast} foundId={foundId}>
        {versions.length > 1 && <VersionSwitch index={index} count={versions.length} onChoose={setChosen} />}
      </AnswerView>
    </div>
  );
}

/** Returns the id of the message that the user has looked for, if it is one of these. A change renders no other exchange. */
function useFoundId(versions: Versions, { found }: Thread): string | null {
  const own = useMemo(
    () => computed(() => (versions.some((version) => hasMessage(version, found.value)) ? found.value : null)),
    [versions, found],
  );
  return own.value;
}

const hasMessage = ({ question, answer }: Exchange, id: string | null) =>
  question?.message_id === id || answer?.message_id === id;

interface VersionSwitchProps {
  readonly index: number;
  readonly count: number;
  readonly onChoose: (index: number | null) => void;
}

function VersionSwitch({ index, count, onChoose }: VersionSwitchProps) {
  const { previousVersion, nextVersion, version } = words.value;
  const isNewest = index === count - 1;
  return (
    <span class="versions">
      <IconButton label={previousVersion} disabled={index === 0} onClick={() => onChoose(index - 1)}>
        <Icon name="left" />
      </IconButton>
      {version(index + 1, count)}
      <IconButton
        label={nextVersion}
        disabled={isNewest}
        onClick={() => onChoose(index + 2 === count ? null : index + 1)}
      >
        <Icon name="right" />
      </IconButton>
    </span>
  );
}
