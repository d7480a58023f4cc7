import { setImmediate } from 'node:timers/promises';

let last: Promise<unknown> = Promise.resolve();

/** Settles for one caller after the other, each in an iteration of the event loop of its own, so that others run between. */
export function yieldToEventLoop(): Promise<void> {
  const own = last.then(() => setImmediate<void>(undefined));
  last = own;
  return own;
}
