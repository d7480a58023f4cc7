import type { Message } from 'character-chat-client';
import type { ComponentChildren } from 'preact';

import { formatNumber, formatTime, words } from '../i18n';
import { IconButton } from '../ui/button';
import { Icon } from '../ui/icon';
import { showError } from '../ui/toast';
import { copyText } from './markdown/markdown';
import type { Exchange } from './thread/group';
import { canAsk } from './thread/open-thread';
import type { Thread } from './thread/thread';

export interface AnswerActionsProps {
  readonly exchange: Exchange;
  readonly answer: Message;
  readonly thread: Thread;
  readonly children?: ComponentChildren;
}

/** Copy, rate, answer again; and when the answer was made, of how many tokens. */
export function AnswerActions({ exchange, answer, thread, children }: AnswerActionsProps) {
  const { copy, regenerate } = words.value;
  const { question } = exchange;
  const { turn_id: turnId } = answer;
  const canRegenerate = question !== null && turnId !== null && canAsk(thread) && thread.asked.value === null;
  return (
    <div class="actions">
      {children}
      <IconButton label={copy} onClick={() => void copyText(answer.answer ?? '')}>
        <Icon name="copy" />
      </IconButton>
      <Rating answer={answer} thread={thread} />
      {canRegenerate && (
        <IconButton
          label={regenerate}
          onClick={() => void thread.regenerate(question, turnId).catch(showError)}
        >
          <Icon name="regenerate" />
        </IconButton>
      )}
      <Facts answer={answer} />
    </div>
  );
}

function Rating({ answer, thread }: { readonly answer: Message; readonly thread: Thread }) {
  const labels = { like: words.value.like, dislike: words.value.dislike };
  const rate = (rating: 'like' | 'dislike') =>
    void thread.rate(answer, answer.feedback === rating ? null : rating).catch(showError);
  return (
    <>
      {(['like', 'dislike'] as const).map((rating) => (
        <IconButton
          key={rating}
          label={labels[rating]}
          aria-pressed={answer.feedback === rating}
          onClick={() => rate(rating)}
        >
          <Icon name={rating} />
        </IconButton>
      ))}
    </>
  );
}

function Facts({ answer: { createdAt, usage } }: { readonly answer: Message }) {
  const tokens = Number(usage?.['total_tokens'] ?? Number.NaN);
  return (
    <span class="quiet facts">
      <time dateTime={createdAt}>{formatTime(new Date(createdAt))}</time>
      {Number.isFinite(tokens) && ` · ${words.value.tokens(formatNumber(tokens))}`}
    </span>
  );
}
