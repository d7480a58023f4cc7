import { batch, signal } from '@preact/signals';
import type { Message } from 'character-chat-client';

import { client } from '../../platform/client';

const firstPageSize = 50;
/** The most that the server sends. */
const laterPageSize = 100;

/** The messages of one conversation so far, the oldest first. */
export function createThreadMessages(sessionId: () => string | null) {
  const messages = signal<readonly Message[]>([]);
  const hasEarlier = signal(false);
  /** The `message_id` of the message that the user has looked for. */
  const found = signal<string | null>(null);
  let loading: Promise<void> | null = null;

  /** Reads the newest messages before this one. */
  async function read(before: Message | undefined, pageSize: number): Promise<readonly Message[]> {
    const filters = {
      session_id: { $eq: sessionId() },
      is_superseded: { $eq: false },
      ...(before !== undefined && { id: { $lt: before.id } }),
    };
    const { value } = await client.messages.list({ filters, pageSize }).pages().next();
    return value?.items ?? [];
  }

  /** Adds messages, or replaces those with the same id. */
  function add(items: readonly Message[]): void {
    const all = new Map(messages.value.map((message) => [message.id, message]));
    for (const item of items) all.set(item.id, item);
    messages.value = [...all.values()].sort((a, b) => a.id - b.id);
  }

  /** Loads a page. Calls during a load share it. */
  const loadEarlier = () => (loading ??= loadPage().finally(() => (loading = null)));

  async function loadPage(): Promise<void> {
    const [oldest] = messages.value;
    const pageSize = oldest === undefined ? firstPageSize : laterPageSize;
    const items = await read(oldest, pageSize);
    batch(() => {
      add(items);
      hasEarlier.value = items.length === pageSize;
    });
  }

  const has = (messageId: string) => messages.value.some(({ message_id }) => message_id === messageId);

  return {
    ...{ messages, hasEarlier, found, add, loadEarlier },
    /** Loads the conversation back to a message, and marks it. Returns false if the conversation has no such message. */
    async find(messageId: string): Promise<boolean> {
      while (!has(messageId) && hasEarlier.value) await loadEarlier();
      found.value = has(messageId) ? messageId : null;
      return found.value !== null;
    },
    /** Reads the newest messages again. One that is missing there was deleted, or replaced by an edit. */
    async refresh(): Promise<void> {
      const items = await read(undefined, firstPageSize);
      const oldest = items.at(-1)?.id ?? 0;
      messages.value = messages.value.filter(({ id }) => id < oldest);
      add(items);
    },
  };
}
