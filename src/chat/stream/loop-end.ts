import { AsyncResource } from 'node:async_hooks';

type Task = () => void;

/** The tasks belong to many requests. None runs in the async context of one, hence none in the transaction of another. */
const noRequest = new AsyncResource('chat.loop-end');

const readers: Task[] = [];
const tellers: Task[] = [];
/** Of which each has an iteration of its own. */
const alone: Task[] = [];
let isScheduled = false;

/** For one iteration. A request takes some ten of them, and so is delayed by a tenth of a second. */
const maxTellingMs = 10;

/**
 * Runs `task`, in nobody's async context, once the sockets have brought what they have: what is asked for while they do
 * runs before any timer. What many streams receive in one iteration of the event loop is so read together, and then told
 * together: of 200 streams an event costs a fifth less than one after the other (decision 27).
 */
export function readAtLoopEnd(task: Task): void {
  readers.push(task);
  schedule();
}

/**
 * The same, once everything is read. Bounded: what would take longer than `maxTellingMs` goes on in the next iteration, so
 * that requests come in between, however many there are to tell, and however much (decision 33).
 */
export function tellAtLoopEnd(task: Task): void {
  tellers.push(task);
  schedule();
}

/**
 * Settles for one caller after the other, each in an iteration of the event loop of its own: for what a crowd waits for
 * and then takes a millisecond and more for each, as a long reply does.
 */
export function ownIteration(): Promise<void> {
  return new Promise((resolve) => {
    alone.push(resolve);
    schedule();
  });
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(run);
}

function run(): void {
  noRequest.runInAsyncScope(() => {
    for (const task of readers.splice(0)) attempt(task);
    const untilMs = performance.now() + maxTellingMs;
    // Those that are asked for meanwhile are for the next iteration.
    const { length } = tellers;
    let count = 0;
    for (; count < length && performance.now() < untilMs; count += 1) attempt(tellers[count] as Task);
    tellers.splice(0, count);
    alone.shift()?.();
  });
  isScheduled = false;
  // Who was told may have asked for more: that is for the next end.
  if (readers.length + tellers.length + alone.length > 0) schedule();
}

/** What is thrown is as uncaught as it would be alone, and no other stream misses anything by it. */
function attempt(task: Task): void {
  try {
    task();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
