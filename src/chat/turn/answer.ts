import type { ReplyEvent } from '../ports/upstream';
import type { TurnProgress } from '../model/turn';
import type { Usage } from '../model/outcome';

/** One answer as it grows. */
export interface Answer {
  take(event: ReplyEvent): void;
  /** Whether the text is over the bound. What took it there is part of it. */
  isTooLong(): boolean;
  /** From now on nothing more is taken. */
  freeze(): void;
  isFrozen(): boolean;
  progress(): TurnProgress;
  usage(): Usage | null;
}

export function createAnswer({ maxChars }: { maxChars: number }): Answer {
  let answer = '';
  let usage: Usage | null = null;
  let isFrozen = false;
  let ids: Omit<TurnProgress, 'answer'> = {
    taskId: undefined,
    messageId: undefined,
    conversationId: undefined,
  };

  return {
    take(event) {
      switch (event.type) {
        case 'identified':
          ids = { taskId: event.taskId, messageId: event.messageId, conversationId: event.conversationId };
          break;
        case 'delta':
          answer += event.text;
          break;
        case 'replaced':
          answer = event.text;
          break;
        case 'completed':
          usage = event.usage;
          break;
      }
    },
    freeze() {
      isFrozen = true;
    },
    isFrozen: () => isFrozen,
    isTooLong: () => answer.length > maxChars,
    progress: () => ({ answer, ...ids }),
    usage: () => usage,
  };
}
