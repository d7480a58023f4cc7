import { signal } from '@preact/signals';
import type { Message, Page } from 'character-chat-client';

import { client } from '../../platform/client';

/** The messages of one conversation so far, the oldest first. */
export function createThreadMessages(sessionId: () => string | null) {
  const messages = signal<readonly Message[]>([]);
  const hasEarlier = signal(false);
  let pages: AsyncGenerator<Page<Message>, void> | null = null;

  const list = () =>
    client.messages
      .list({ filters: { session_id: { $eq: sessionId() }, is_superseded: { $eq: false } }, pageSize: 50 })
      .pages();

  /** Adds messages, or replaces those with the same id. */
  function add(items: readonly Message[]): void {
    const all = new Map(messages.value.map((message) => [message.id, message]));
    for (const item of items) all.set(item.id, item);
    messages.value = [...all.values()].sort((a, b) => a.id - b.id);
  }

  return {
    ...{ messages, hasEarlier, add },
    async loadEarlier(): Promise<void> {
      pages ??= list();
      const { value, done } = await pages.next();
      if (done === true) hasEarlier.value = false;
      else {
        add(value.items);
        hasEarlier.value = value.items.length > 0 && messages.value.length < (value.total ?? 0);
      }
    },
    /** Reads the newest messages again. One that is missing there was deleted, or replaced by an edit. */
    async refresh(): Promise<void> {
      const { value } = await list().next();
      if (value === undefined) return;
      const oldest = value.items.at(-1)?.id ?? 0;
      messages.value = messages.value.filter(({ id }) => id < oldest);
      add(value.items);
    },
  };
}
