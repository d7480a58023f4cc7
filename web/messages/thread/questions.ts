import type { Signal } from '@preact/signals';
import { createKey, type Message, type QuestionFile } from 'character-chat-client';

import { client } from '../../platform/client';
import type { createThreadTurns } from './thread-turns';

export interface NewQuestion {
  readonly query: string;
  readonly files: readonly { readonly name: string; readonly file: QuestionFile }[];
}

export interface QuestionsOptions {
  readonly run: ReturnType<typeof createThreadTurns>['run'];
  readonly messages: Signal<readonly Message[]>;
  readonly characterOf: () => string | undefined;
  readonly sessionId: () => string | null;
}

/** The ways to ask. Each one has a key, so that a lost connection asks nothing twice. */
export function createQuestions({ run, messages, characterOf, sessionId }: QuestionsOptions) {
  return {
    /** @throws what refused the question before it was saved */
    ask({ query, files }: NewQuestion): Promise<void> {
      const id = sessionId();
      const data = {
        ...{ query, idempotencyKey: createKey(), character_id: characterOf() ?? '' },
        ...(id !== null && { session_id: id }),
        ...(files.length > 0 && { files: files.map(({ file }) => file) }),
      };
      const names = files.map(({ name }) => name);
      return run({ query, files: names, root: null }, (signal) => client.ask({ ...data, signal }));
    },
    regenerate(question: Message, turnId: string): Promise<void> {
      const idempotencyKey = createKey();
      const root = question.parent_message_id ?? question.message_id;
      return run({ query: question.query, files: [], root }, (signal) =>
        client.regenerate(turnId, { idempotencyKey, signal }),
      );
    },
    /** Asks in other words. What came after the question leaves the conversation. */
    async edit(question: Message, query: string): Promise<void> {
      const idempotencyKey = createKey();
      const before = messages.value;
      messages.value = before.filter(({ id }) => id < question.id);
      try {
        await run({ query, files: [], root: null }, (signal) =>
          client.editQuestion(question.message_id, query, { idempotencyKey, signal }),
        );
      } catch (error) {
        messages.value = before;
        throw error;
      }
    },
  };
}
