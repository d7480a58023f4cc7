import type { ComponentChildren } from 'preact';

import { words } from '../i18n';
import { textOfCode } from '../i18n/errors';
import { Button } from '../ui/button';
import { showError } from '../ui/toast';
import { AnswerActions } from './answer-actions';
import { FileList } from './files';
import { Markdown } from './markdown/markdown';
import type { Asked, Exchange } from './thread/group';
import { canAsk, nameOf } from './thread/open-thread';
import type { Thread } from './thread/thread';

export interface AnswerProps {
  readonly exchange: Exchange;
  readonly thread: Thread;
  readonly isLast: boolean;
  /** The message that the user has looked for. */
  readonly foundId: string | null;
  readonly children?: ComponentChildren;
}

/** What the character answers, or has answered. */
export function AnswerView({ exchange, thread, isLast, foundId, children }: AnswerProps) {
  const { answer, asked } = exchange;
  if (answer === null && asked === null) return null;
  return (
    <article
      class="answer"
      aria-busy={asked !== null}
      data-found={answer?.message_id === foundId}
      tabIndex={-1}
    >
      <h2 class="hidden-text">{words.value.saysName(nameOf(thread))}</h2>
      {/* One view for both, so that the end of an answer does not render it again. */}
      <Markdown text={asked?.live.text.value ?? answer?.answer ?? ''} isGrowing={asked !== null} />
      {asked !== null && <LiveNotes asked={asked} />}
      {asked === null && answer !== null && (
        <>
          <FileList files={answer.files} />
          <Outcome exchange={exchange} thread={thread} isLast={isLast} />
          <AnswerActions exchange={exchange} thread={thread} answer={answer}>
            {children}
          </AnswerActions>
        </>
      )}
    </article>
  );
}

function LiveNotes({ asked: { live } }: { readonly asked: Asked }) {
  const { thinking, queued, reconnecting } = words.value;
  const { value: place } = live.place;
  const isWaiting = live.text.value === '' && live.status.value === 'waiting';
  return (
    <>
      {isWaiting && <p class="quiet">{place === null ? thinking : queued(place)}</p>}
      {live.status.value === 'reconnecting' && <p class="quiet">{reconnecting}</p>}
    </>
  );
}

/** Says how the answer ended, unless it is complete. */
function Outcome({
  exchange: { question, answer },
  thread,
  isLast,
}: Pick<AnswerProps, 'exchange' | 'thread' | 'isLast'>) {
  const { stopped, interrupted, failed, retry } = words.value;
  const outcome = answer?.outcome ?? null;
  if (outcome === 'stopped') return <p class="quiet">{stopped}</p>;
  if (outcome !== 'interrupted' && outcome !== 'failed') return null;
  const turnId = answer?.turn_id ?? null;
  return (
    <div class="outcome">
      <p class="problem">{outcome === 'interrupted' ? interrupted : failed}</p>
      <p>{textOfCode(answer?.error_code ?? 'unknown')}</p>
      {isLast && question !== null && turnId !== null && canAsk(thread) && (
        <Button onClick={() => void thread.regenerate(question, turnId).catch(showError)}>{retry}</Button>
      )}
    </div>
  );
}
