import type { Core } from '@strapi/strapi';

interface Job {
  readonly event: string;
  readonly info: object;
}

/** The part of Strapi's webhook runner that this file uses. */
interface WebhookRunner {
  readonly queue: { enqueue(job: Job): void };
  /** Calls the webhooks of an event one after the other, each for at most ten seconds. Never rejects. */
  executeListener(job: Job): Promise<void>;
}

/** Emits an event with its payload. */
export type Emit = (event: string, info: object) => Promise<void>;

/**
 * Returns a function that emits an event of Strapi, and waits until subscribers and webhooks have it. Its webhooks do
 * not wait for those of other events.
 *
 * Why: Strapi queues the calls of webhooks without a bound, and makes five of them together. Events of one session could
 * arrive in the wrong order.
 * Delete it when Strapi's event hub waits for webhooks.
 */
export function emitInOrder(strapi: Core.Strapi): Emit {
  const runner = strapi.get('webhookRunner') as unknown as WebhookRunner;
  const calls = new WeakMap<object, Promise<void> | undefined>();
  const enqueue = runner.queue.enqueue.bind(runner.queue);
  runner.queue.enqueue = (job) => {
    if (calls.has(job.info)) calls.set(job.info, runner.executeListener(job));
    else enqueue(job);
  };
  return async (event, info) => {
    calls.set(info, undefined);
    try {
      await strapi.eventHub.emit(event, info);
    } finally {
      await calls.get(info);
    }
  };
}
