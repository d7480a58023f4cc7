import { setImmediate as afterReply } from 'node:timers/promises';

import { describeError, type Log } from '../../chat';

/** Mails that the server sends at the same time, each over its own connection. */
const maxAtOnce = 4;
/** Mails that may wait. They must not fill the memory while the mail server is down. */
const maxWaiting = 1_000;

/**
 * Sends mails in the background. So neither the time nor the status of a reply shows whether the server sends a mail.
 */
export interface MailQueue {
  /** @param what names the mail in the log if sending fails. It contains no address. */
  add(what: string, send: () => Promise<unknown>): void;
  /** Waits for all mails, at most `timeoutMs`. */
  settled(timeoutMs: number): Promise<void>;
}

export function createMailQueue(log: Log): MailQueue {
  const waiting: (() => Promise<void>)[] = [];
  const running = new Set<Promise<void>>();

  function start(): void {
    while (running.size < maxAtOnce) {
      const next = waiting.shift();
      if (next === undefined) return;
      const job = next().finally(() => {
        running.delete(job);
        start();
      });
      running.add(job);
    }
  }

  return {
    add(what, send) {
      if (waiting.length >= maxWaiting) {
        log.error(
          `${what}: ${maxWaiting} mails wait already, so this one is not sent. Is the mail server away?`,
        );
        return;
      }
      waiting.push(async () => {
        await afterReply();
        await send().catch((error: unknown) =>
          log.error(`${what}: the mail was not sent: ${describeError(error)}`),
        );
      });
      start();
    },
    async settled(timeoutMs) {
      const signal = AbortSignal.timeout(timeoutMs);
      while (running.size > 0 && !signal.aborted) {
        const timeout = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        await Promise.race([timeout, ...running]);
      }
    },
  };
}
