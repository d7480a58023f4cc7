import type { ReplyEvent } from './dify/to-reply-event';
import type { TurnProgress } from './stores';
import type { Usage } from './turn-event';

/** One answer as it grows. */
export interface Answer {
  take(event: ReplyEvent): void;
  /** Whether the text is over the bound. What took it there is part of it. */
  isTooLong(): boolean;
  progress(): TurnProgress;
  usage(): Usage | null;
}

export function createAnswer({ maxChars }: { maxChars: number }): Answer {
  let answer = '';
  let usage: Usage | null = null;
  let ids: Pick<TurnProgress, 'messageId' | 'conversationId'> = {
    messageId: undefined,
    conversationId: undefined,
  };

  return {
    take(event) {
      switch (event.type) {
        case 'identified':
          ids = { messageId: event.messageId, conversationId: event.conversationId };
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
    isTooLong: () => answer.length > maxChars,
    progress: () => ({ answer, ...ids }),
    usage: () => usage,
  };
}
