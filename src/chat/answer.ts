import type { ReplyEvent } from './dify/to-reply-event';
import { ChatError } from './errors';
import type { TurnProgress } from './stores';
import type { Usage } from './turn-event';

/** One answer as it grows. */
export interface Answer {
  /** @throws ChatError `answer-too-long`, with the text that went over the bound taken in. */
  take(event: ReplyEvent): void;
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
      if (answer.length > maxChars) throw new ChatError('answer-too-long');
    },
    progress: () => ({ answer, ...ids }),
    usage: () => usage,
  };
}
