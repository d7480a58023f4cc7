import type { Upstream } from '../ports/upstream';
import { ChatError } from '../errors';
import { describeError, type Log } from '../shared/log';

export interface LeavingOptions {
  readonly upstream: Pick<Upstream, 'stop'>;
  readonly user: string;
  readonly leave: AbortSignal;
  /** After a stop, the time for the upstream to end its reply. */
  readonly graceMs: number;
  readonly log: Pick<Log, 'warn'>;
}

/** What happens to a reply whose reader leaves. */
export interface Leaving {
  /** Settles `graceMs` after the reader has left. */
  readonly isOver: Promise<void>;
  /** Tells the upstream's task. The upstream gets the stop when the task is known and the reader has left. */
  identified(taskId: string | undefined): void;
  /** @throws ChatError if the time after the reader left is over. This closes the connection to the upstream. */
  throwIfOver(): void;
  end(): void;
}

export function createLeaving({ upstream, user, leave, graceMs, log }: LeavingOptions): Leaving {
  let task: string | undefined;
  let isStopSent = false;
  let hasEnded = false;
  let timer: NodeJS.Timeout | undefined;
  let settle = () => {};
  const isOver = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const stop = () => {
    if (task === undefined || !leave.aborted || isStopSent) return;
    isStopSent = true;
    upstream.stop(task, user).catch((error: unknown) => {
      log.warn(`A trial could not be stopped in its upstream: ${describeError(error)}`);
    });
  };
  const onLeave = () => {
    stop();
    timer = setTimeout(() => {
      hasEnded = true;
      settle();
    }, graceMs);
  };
  if (leave.aborted) onLeave();
  else leave.addEventListener('abort', onLeave, { once: true });

  return {
    isOver,
    identified(taskId) {
      task = taskId ?? task;
      stop();
    },
    throwIfOver() {
      if (hasEnded) throw new ChatError('upstream-interrupted');
    },
    end() {
      clearTimeout(timer);
      hasEnded ||= leave.aborted;
      leave.removeEventListener('abort', onLeave);
    },
  };
}
