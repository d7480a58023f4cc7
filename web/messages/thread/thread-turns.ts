import { batch, signal } from '@preact/signals';
import type { Answer, Message, TurnEventOf } from 'character-chat-client';

import { client } from '../../platform/client';
import type { Asked } from './group';
import { createLiveTurn } from './live-turn';

export interface ThreadTurnsOptions {
  readonly onStarted: (event: TurnEventOf<'turn_started'>) => void;
  /** Called with the saved messages of a turn that has ended. */
  readonly onMessages: (messages: readonly Message[]) => void;
  readonly onEnded: () => void;
}

/** Runs the answers of one conversation, one at a time. */
export function createThreadTurns({ onStarted, onMessages, onEnded }: ThreadTurnsOptions) {
  const asked = signal<Asked | null>(null);
  const followUps = signal<readonly string[]>([]);
  let isClosed = false;

  async function suggest(answer: Message | undefined): Promise<void> {
    if (answer === undefined) return;
    // The suggestions are an extra: without them, the conversation goes on.
    const found = await client.messages.suggestedQuestions(answer.message_id).catch(() => []);
    if (asked.value === null) followUps.value = found;
  }

  return {
    ...{ asked, followUps },
    /** Reads an answer to its end. @throws what refused the question before it was saved */
    async run(
      question: Omit<Asked, 'live'>,
      start: (signal: AbortSignal) => Answer,
      turnId: string | null = null,
    ): Promise<void> {
      const live = createLiveTurn(start, turnId);
      batch(() => {
        asked.value = { ...question, live };
        followUps.value = [];
      });
      try {
        const end = await live.read((event) => {
          // The saved messages have this root. With it, the page keeps the view of the answer.
          if (asked.value?.live === live)
            asked.value = { ...asked.value, root: question.root ?? event.question_message_id };
          onStarted(event);
        });
        if (isClosed) return;
        const found = end?.event === 'message_end' ? end.data : await readTurn(live.turnId.value);
        batch(() => {
          onMessages(found);
          asked.value = null;
        });
        if (end?.event === 'message_end' && end.outcome === 'completed') void suggest(found.at(-1));
      } finally {
        if (asked.value?.live === live) asked.value = null;
        if (!isClosed) onEnded();
      }
    },
    /** Ends the reading. The answer continues on the server. */
    close(): void {
      isClosed = true;
      asked.value?.live.leave();
    },
  };
}

const readTurn = async (turnId: string | null) =>
  turnId === null ? [] : (await client.findTurn(turnId)).messages;
