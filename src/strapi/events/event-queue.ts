import { AsyncResource } from 'node:async_hooks';
import { setImmediate as otherWork } from 'node:timers/promises';

import { describeError, settledWithin, type Log } from '../../chat';

export interface EventQueueOptions<Item> {
  /** Sends the events of an item. Rejects if it could send none. */
  readonly send: (item: Item) => Promise<void>;
  readonly maxWaiting: number;
  readonly log: Log;
}

/** Sends events in the background, one item after the other. */
export interface EventQueue<Item = never> {
  /** Drops the item if the queue is full or stopped. Never throws. */
  add(item: Item): void;
  /** Returns how many items wait, together with the one whose events are being sent. */
  waiting(): number;
  /** Returns how many items the queue has dropped. */
  dropped(): number;
  /** Sends the events that wait, for at most `ms`, and drops the rest. */
  stop(ms: number): Promise<void>;
}

export function createEventQueue<Item>({ send, maxWaiting, log }: EventQueueOptions<Item>): EventQueue<Item> {
  const items: Item[] = [];
  let droppedItems = 0;
  let isFull = false;
  let isStopped = false;
  let isSending = false;
  let sending = Promise.resolve();
  // A subscriber must not see the request that has added the first item as its own.
  const start = AsyncResource.bind(() => {
    sending = sendAll();
  });

  return {
    add(item) {
      if (isStopped || items.length >= maxWaiting) return drop();
      items.push(item);
      if (isSending) return;
      isSending = true;
      start();
    },
    waiting: () => items.length,
    dropped: () => droppedItems,
    async stop(ms) {
      isStopped = true;
      await settledWithin(ms, sending);
      if (items.length === 0) return;
      log.warn(`The process ends. ${items.length} turns get no events of Strapi.`);
      droppedItems += items.length;
      items.length = 0;
    },
  };

  async function sendAll(): Promise<void> {
    // The client of the turn comes first.
    await otherWork();
    for (let [item] = items; item !== undefined; [item] = items) {
      await send(item).catch((error: unknown) => {
        droppedItems += 1;
        log.warn(`A turn gets no events of Strapi: ${describeError(error)}`);
      });
      items.shift();
    }
    isFull = false;
    isSending = false;
  }

  function drop(): void {
    droppedItems += 1;
    if (isFull || isStopped) return;
    isFull = true;
    log.warn(
      `${maxWaiting} turns wait for Strapi's webhooks and subscribers. Further turns get no events. ` +
        'Make the webhooks and subscribers faster, or remove them.',
    );
  }
}
