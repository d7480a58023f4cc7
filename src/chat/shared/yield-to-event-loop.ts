import { setImmediate } from 'node:timers/promises';

let last: Promise<unknown> = Promise.resolve();

/** Settles for one caller in each iteration of the event loop, so that other work runs in between. */
export function yieldToEventLoop(): Promise<void> {
  const own = last.then(() => setImmediate<void>(undefined));
  last = own;
  return own;
}
