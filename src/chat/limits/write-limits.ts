import { ChatError, refusal } from '../errors';
import type { UserCounters } from '../ports/user-counters';
import type { Owner } from '../model/owner';
import type { TextAllowance } from './text-allowance';

/** How much each user may write. Of turns, it is the `TurnLimits` that say how many. */
export interface WriteLimits {
  /**
   * Counts a write that is about to be done, and the characters it is to store: whatever comes of it.
   * @throws ChatError `rate-limited`, `text-limit-reached`. Nothing may be written then.
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
