import { computed, signal } from '@preact/signals';
import type { Message, Session } from 'character-chat-client';

import { client } from '../../platform/client';
import { tellOtherTabs, type TabNews } from '../../platform/tabs';
import { groupMessages } from './group';
import { createQuestions } from './questions';
import { createThreadMessages } from './thread-messages';
import { createThreadTurns } from './thread-turns';

export interface ThreadOptions {
  /** Null for a conversation that begins with the first question. */
  readonly sessionId: string | null;
  /** The `documentId` of the character of a new conversation. */
  readonly characterId: string | null;
  readonly onSession: (sessionId: string) => void;
  /** Called after each change that other views show. */
  readonly onChange: () => void;
}

export type Thread = ReturnType<typeof createThread>;

/** One conversation: its messages, and the answer that is being written. */
export function createThread({ sessionId: known, characterId, onSession, onChange }: ThreadOptions) {
  let sessionId = known;
  const session = signal<Session | null>(null);
  const isLoading = signal(known !== null);
  const problem = signal<unknown>(null);
  const list = createThreadMessages(() => sessionId);
  const { messages, add, loadEarlier } = list;
  const turns = createThreadTurns({
    onStarted({ session_id }) {
      if (sessionId === null) onSession((sessionId = session_id));
      announce('turn-started');
    },
    onMessages: add,
    onEnded: () => announce('messages-changed'),
  });
  const { asked, followUps, run, close } = turns;

  function announce(kind: Exclude<TabNews['kind'], 'conversations-changed'>): void {
    if (sessionId !== null) tellOtherTabs({ kind, sessionId });
    onChange();
  }

  /** Reads the newest messages again, and follows an answer that is being written. */
  async function refresh(): Promise<void> {
    if (sessionId === null || asked.value !== null) return;
    session.value = await client.sessions.get(sessionId);
    await list.refresh();
    const turnId = session.value.live_turn_id;
    if (turnId === null || asked.value !== null) return;
    void run(
      { query: '', files: [], root: null },
      (signal) => client.follow(turnId, { signal }),
      turnId,
    ).catch((error: unknown) => (problem.value = error));
  }

  async function open(): Promise<void> {
    try {
      await loadEarlier();
      await refresh();
    } catch (error) {
      problem.value = error;
    }
    isLoading.value = false;
  }

  return {
    ...{
      characterId,
      session,
      asked,
      isLoading,
      problem,
      followUps,
      refresh,
      close,
    },
    hasEarlier: list.hasEarlier,
    loadEarlier,
    found: list.found,
    find: list.find,
    open: () => (sessionId === null ? Promise.resolve() : open()),
    isEmpty: computed(() => messages.value.length === 0 && asked.value === null),
    groups: computed(() =>
      groupMessages(messages.value, asked.value, asked.value?.live.turnId.value ?? null),
    ),
    sessionId: () => sessionId,
    ...createQuestions({
      run,
      messages,
      characterOf: () => characterId ?? session.value?.ai_character?.documentId,
      sessionId: () => sessionId,
    }),
    async rate(answer: Message, rating: 'like' | 'dislike' | null): Promise<void> {
      add([await client.messages.feedback(answer.message_id, rating)]);
      announce('messages-changed');
    },
  };
}
