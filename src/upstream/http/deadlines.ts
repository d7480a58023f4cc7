import { ChatError } from '../../chat/errors';
import type { DeadlineSettings } from '../../chat/settings';

/** Watches the phases of one call of an upstream, and calls `onExpired` once if one takes too long. */
export interface Deadlines {
  connected(): void;
  /** Any byte counts. A ping is not a message, but it shows that the upstream is alive. */
  received(): void;
  /** Starts the deadline of the last events if the reply is ending, else cancels it. Needed events start it again. */
  ending(isEnding: boolean, hasNeeded: boolean): void;
  cancel(): void;
}

/** Returns only the deadlines of these settings. */
export function deadlinesOf(settings: DeadlineSettings): DeadlineSettings {
  const { connectTimeoutMs, firstByteTimeoutMs, idleTimeoutMs, totalTimeoutMs, endTimeoutMs } = settings;
  return { connectTimeoutMs, firstByteTimeoutMs, idleTimeoutMs, totalTimeoutMs, endTimeoutMs };
}

export function startDeadlines(settings: DeadlineSettings, onExpired: (error: ChatError) => void): Deadlines {
  let phase = setTimeout(expire, settings.connectTimeoutMs, 'upstream-unreachable', 'connect');
  const total = setTimeout(expire, settings.totalTimeoutMs, 'upstream-interrupted', 'total');
  let receivedAt: number | undefined;
  let last: NodeJS.Timeout | undefined;

  /** Checks the time since the last chunk. So the server need not reset a timer with each chunk. */
  function lookWhetherIdle(): void {
    const leftMs = (receivedAt ?? 0) + settings.idleTimeoutMs - performance.now();
    if (leftMs > 0) phase = setTimeout(lookWhetherIdle, leftMs);
    else expire('upstream-interrupted', 'idle');
  }

  function expire(
    code: 'upstream-unreachable' | 'upstream-timeout' | 'upstream-interrupted',
    name: string,
  ): void {
    cancel();
    onExpired(new ChatError(code, { cause: { expired: name } }));
  }

  function cancel(): void {
    clearTimeout(phase);
    clearTimeout(total);
    clearTimeout(last);
  }

  return {
    connected() {
      if (receivedAt !== undefined) return;
      clearTimeout(phase);
      phase = setTimeout(expire, settings.firstByteTimeoutMs, 'upstream-timeout', 'first byte');
    },
    received() {
      const isFirst = receivedAt === undefined;
      receivedAt = performance.now();
      if (!isFirst) return;
      clearTimeout(phase);
      phase = setTimeout(lookWhetherIdle, settings.idleTimeoutMs);
    },
    ending(isEnding, hasNeeded) {
      if (isEnding && last !== undefined && !hasNeeded) return;
      clearTimeout(last);
      last = isEnding ? setTimeout(expire, settings.endTimeoutMs, 'upstream-interrupted', 'end') : undefined;
    },
    cancel,
  };
}
