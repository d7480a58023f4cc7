import { setTimeout } from 'node:timers/promises';

/**
 * Keeps the questions of a conversation apart. Dify orders the messages of a conversation by whole seconds. It answers
 * the second of two questions in one second with a wrong history.
 */
export interface Spacing {
  /** Waits until this conversation can be asked. Rejects if `leave` fires. */
  untilFree(conversationId: string, leave: AbortSignal): Promise<void>;
  /** Notes when a question of this conversation was sent, by `performance.now()`. */
  sent(conversationId: string, atMs: number): void;
}

/** More than a second, because the request takes a different time on its way. */
const apartMs = 1_100;

export function createSpacing(): Spacing {
  /** The oldest comes first. */
  const sentAtMs = new Map<string, number>();
  return {
    async untilFree(conversationId, leave) {
      const waitMs = (sentAtMs.get(conversationId) ?? -Infinity) + apartMs - performance.now();
      if (waitMs > 0) await setTimeout(waitMs, undefined, { signal: leave });
    },
    sent(conversationId, atMs) {
      sentAtMs.delete(conversationId);
      sentAtMs.set(conversationId, atMs);
      for (const [id, ms] of sentAtMs) {
        if (ms > performance.now() - apartMs) break;
        sentAtMs.delete(id);
      }
    },
  };
}
