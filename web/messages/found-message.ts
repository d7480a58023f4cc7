import { useEffect, useRef } from 'preact/hooks';

import { words } from '../i18n';
import { route, visits } from '../platform/router';
import { showError, showToast } from '../ui/toast';
import type { Thread } from './thread/thread';

interface Current<T> {
  current: T;
}

/** Events with which the user moves the list, or begins something else. */
const ownMoves = ['wheel', 'touchmove', 'pointerdown', 'keydown'] as const;

/**
 * Shows the message that the address names, also one far back. @returns the element to keep in view while what is around
 * it gets its height. Null after the user has moved the list.
 */
export function useFoundMessage(
  thread: Thread,
  list: Current<HTMLElement | null>,
): Current<HTMLElement | null> {
  const kept = useRef<HTMLElement | null>(null);
  const { value } = route;
  const messageId = value.page === 'conversation' ? (value.messageId ?? null) : null;
  const isReady = messageId !== null && !thread.isLoading.value;

  useEffect(() => {
    if (!isReady) return;
    const leave = new AbortController();
    for (const name of ownMoves)
      addEventListener(name, () => (kept.current = null), { signal: leave.signal, passive: true });
    void find(messageId, leave.signal).catch(showError);
    return () => {
      leave.abort();
      kept.current = null;
    };
  }, [messageId, isReady, visits.value]);

  async function find(id: string, leave: AbortSignal): Promise<void> {
    const isFound = await thread.find(id);
    if (leave.aborted) return;
    if (!isFound) return showToast({ text: words.value.messageGone });
    // The list renders the message, and marks it, before the next frame.
    requestAnimationFrame(() => {
      kept.current = list.current?.querySelector<HTMLElement>('[data-found=true]') ?? null;
      showFound(kept.current);
      kept.current?.focus({ preventScroll: true });
    });
  }

  return kept;
}

/** Scrolls to a message. One that is higher than the list begins at its top. */
export function showFound(message: HTMLElement | null): void {
  const space = message?.closest('.messages')?.clientHeight ?? 0;
  message?.scrollIntoView({ block: message.offsetHeight > space ? 'start' : 'center' });
}
