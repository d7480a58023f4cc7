import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { words } from '../i18n';
import { IconButton } from '../ui/button';
import { Icon } from '../ui/icon';
import { showError } from '../ui/toast';
import { useExchangeViews } from './exchange-views';
import { showFound, useFoundMessage } from './found-message';
import { Opening } from './opening';
import { Suggestions } from './suggestions';
import type { Thread } from './thread/thread';

export interface MessageListProps {
  readonly thread: Thread;
  readonly onAsk: (query: string) => void;
}

/** Pixels from the end within which the list follows a growing answer. */
const nearEnd = 80;

/** The messages of a conversation. It follows the answer, unless the user has scrolled up. */
export function MessageList({ thread, onAsk }: MessageListProps) {
  const root = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const follows = useRef(true);
  const toEnd = () => root.current?.scrollTo({ top: root.current.scrollHeight });
  const found = useFoundMessage(thread, root);

  useEffect(() => {
    // Any growth counts: text, pictures, follow-up questions.
    const observer = new ResizeObserver(() => {
      if (found.current !== null) showFound(found.current);
      else if (follows.current) toEnd();
    });
    // The list itself shrinks when a note or a longer question needs space.
    for (const element of [root.current, root.current?.firstElementChild])
      if (element) observer.observe(element);
    return () => observer.disconnect();
  }, []);

  function onScroll(): void {
    const element = root.current;
    if (element === null) return;
    follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < nearEnd;
    setAtEnd(follows.current);
  }

  const { messages, toEnd: toEndLabel } = words.value;
  const views = useExchangeViews(thread);
  return (
    <div class="messages" ref={root} onScroll={onScroll} role="region" aria-label={messages} tabIndex={0}>
      <div class="column">
        {thread.hasEarlier.value ? (
          <Earlier thread={thread} list={root} />
        ) : (
          <Opening thread={thread} onAsk={onAsk} />
        )}
        {views}
        <FollowUps thread={thread} onAsk={onAsk} />
      </div>
      {!isAtEnd && (
        <IconButton class="to-end" label={toEndLabel} onClick={toEnd}>
          <Icon name="down" />
        </IconButton>
      )}
    </div>
  );
}

/** Loads the messages before, and keeps what the user sees in its place. */
function Earlier({
  thread,
  list,
}: {
  readonly thread: Thread;
  readonly list: { readonly current: HTMLElement | null };
}) {
  const line = useRef<HTMLParagraphElement>(null);
  const height = useRef<number | null>(null);
  const count = thread.groups.value.length;
  useLayoutEffect(() => {
    const element = list.current;
    if (element && height.current !== null) element.scrollTop += element.scrollHeight - height.current;
    height.current = null;
  }, [count]);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting || height.current !== null) return;
      height.current = list.current?.scrollHeight ?? null;
      void thread.loadEarlier().catch((error: unknown) => {
        height.current = null;
        showError(error);
      });
    });
    if (line.current) observer.observe(line.current);
    return () => observer.disconnect();
  }, [count]);
  return (
    <p class="quiet" ref={line}>
      {words.value.loading}
    </p>
  );
}

function FollowUps({ thread, onAsk }: MessageListProps) {
  const { value: questions } = thread.followUps;
  if (questions.length === 0) return null;
  return <Suggestions label={words.value.followUps} questions={questions} onAsk={onAsk} />;
}
