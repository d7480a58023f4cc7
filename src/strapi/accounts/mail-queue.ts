import { setImmediate as afterReply } from 'node:timers/promises';

import { describeError, type Log } from '../../chat';

/** Mails that are sent at the same time, each over a connection of its own. */
const maxAtOnce = 4;
/** Mails that wait. A mail server that is away must not fill the memory. */
const maxWaiting = 1_000;

/** Sends mails in the background, so that no reply tells by its time or its status whether there is one to send. */
export interface MailQueue {
  /** @param what stands in the log where it fails. Addresses do not. */
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
