import { effect } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';

import { words } from '../../i18n';
import type { Asked } from '../thread/group';
import type { Thread } from '../thread/thread';
import { createSentences } from './sentences';

/** A screen reader says new lines only. Old ones would be read again by a user who walks through the page. */
const maxLines = 20;

/** Lets a screen reader say the answer, sentence by sentence, and how it ends. */
export function Announcer({ thread }: { readonly thread: Thread }) {
  const { lines, state } = useAnnouncements(thread);
  return (
    <>
      <div class="hidden-text" role="log" aria-label={words.value.answerText}>
        {lines.map(({ id, text }) => (
          <p key={id}>{text}</p>
        ))}
      </div>
      <p class="hidden-text" role="status">
        {state}
      </p>
    </>
  );
}

interface Announcements {
  readonly lines: readonly { readonly id: number; readonly text: string }[];
  readonly state: string;
}

function useAnnouncements(thread: Thread): Announcements {
  const [announcements, set] = useState<Announcements>({ lines: [], state: '' });

  useEffect(() => {
    let asked: Asked['live'] | null = null;
    let text = '';
    let sentences = createSentences(() => words.peek().codeBlock);
    let ids = 0;

    const say = (line: string) =>
      line !== '' &&
      set(({ lines, ...rest }) => ({
        ...rest,
        lines: [...lines, { id: ++ids, text: line }].slice(-maxLines),
      }));

    function begin(live: Asked['live']): void {
      asked = live;
      text = '';
      sentences = createSentences(() => words.peek().codeBlock);
      set({ lines: [], state: words.peek().answerStarted });
    }

    function finish(): void {
      asked = null;
      say(sentences.next(text, { isEnd: true }));
      set(({ lines }) => ({ lines, state: endOf(thread) }));
    }

    return effect(() => {
      const live = thread.asked.value?.live ?? null;
      if (live !== null && live !== asked) begin(live);
      if (live !== null) say(sentences.next((text = live.text.value)));
      else if (asked !== null) finish();
    });
  }, []);

  return announcements;
}

function endOf(thread: Thread): string {
  const { answerEnded, stopped, interrupted, failed } = words.peek();
  const sentences: Readonly<Record<string, string>> = { stopped, interrupted, failed };
  const outcome = thread.groups.peek().at(-1)?.at(-1)?.answer?.outcome ?? 'completed';
  return sentences[outcome] ?? answerEnded;
}
