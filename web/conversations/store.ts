import { signal } from '@preact/signals';
import type { Page, Session } from 'character-chat-client';

import { client } from '../platform/client';
import { tellOtherTabs } from '../platform/tabs';

/** The conversations so far, that with the newest message first. Null before the first page. */
export const conversations = signal<readonly Session[] | null>(null);
export const hasMore = signal(true);

let pages: AsyncGenerator<Page<Session>, void> | null = null;
let loading: Promise<void> | null = null;

/** Loads the next page. Calls during a load share it. */
export function loadMore(): Promise<void> {
  loading ??= load().finally(() => (loading = null));
  return loading;
}

async function load(): Promise<void> {
  pages ??= client.sessions.list({ pageSize: 30 }).pages();
  const { value, done } = await pages.next();
  if (done !== true) merge(value.items);
  hasMore.value = done !== true && value.items.length > 0;
  conversations.value ??= [];
}

/** Reads the newest conversations again, after a change here or in another tab. */
export async function refreshConversations(): Promise<void> {
  const { value } = await client.sessions.list({ pageSize: 30 }).pages().next();
  if (value !== undefined) merge(value.items);
}

function merge(items: readonly Session[]): void {
  const known = new Map((conversations.value ?? []).map((session) => [session.session_id, session]));
  for (const item of items) known.set(item.session_id, item);
  conversations.value = [...known.values()].sort((a, b) =>
    b.last_message_at.localeCompare(a.last_message_at),
  );
}

export async function renameConversation(sessionId: string, title: string): Promise<void> {
  await client.sessions.rename(sessionId, title);
  conversations.value = (conversations.value ?? []).map((session) =>
    session.session_id === sessionId ? { ...session, title } : session,
  );
  tellOtherTabs({ kind: 'conversations-changed' });
}

export async function deleteConversation(sessionId: string): Promise<void> {
  await client.sessions.delete(sessionId);
  conversations.value = (conversations.value ?? []).filter((session) => session.session_id !== sessionId);
  tellOtherTabs({ kind: 'conversations-changed' });
}

export async function restoreConversation(sessionId: string): Promise<void> {
  await client.sessions.restore(sessionId);
  merge([await client.sessions.get(sessionId)]);
  tellOtherTabs({ kind: 'conversations-changed' });
}
