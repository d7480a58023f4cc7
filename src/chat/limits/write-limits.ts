import { ChatError, refusal } from '../errors';
import type { UserCounters } from '../ports/users/user-counters';
import type { Owner } from '../model/owner';
import type { TextAllowance } from './text-allowance';

/** Limits how much each user may write. `TurnLimits` limits turns. */
export interface WriteLimits {
  /**
   * Counts a write and the characters it will store. Call it before the write. A write that fails stays counted.
   * @throws ChatError `rate-limited`, `text-limit-reached`. The caller must not write then.
   */
  count(owner: Owner, chars?: number): Promise<void>;
}

export interface WriteLimitsOptions {
  readonly counters: Pick<UserCounters, 'writesPerMinute'>;
  readonly text: TextAllowance;
}

export function createWriteLimits({ counters, text }: WriteLimitsOptions): WriteLimits {
  const { writesPerMinute } = counters;
  return {
    async count({ documentId }, chars = 0) {
      if (writesPerMinute !== null) {
        const { isAllowed, rateLimit } = await writesPerMinute.count(documentId);
        if (!isAllowed) throw new ChatError('rate-limited', { sentence: tooMuch, ...refusal(rateLimit) });
      }
      if (chars > 0) await text.take(documentId, chars);
    },
  };
}

const tooMuch = 'You have written too often in a short time. Wait a moment.';
