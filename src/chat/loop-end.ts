import { AsyncResource } from 'node:async_hooks';

type Task = () => void;

/** The tasks belong to many requests. None runs in the async context of one, hence none in the transaction of another. */
const noRequest = new AsyncResource('chat.loop-end');

const readers: Task[] = [];
const tellers: Task[] = [];
let isScheduled = false;

/**
 * Runs `task`, in nobody's async context, once the sockets have brought what they have: what is asked for while they do
 * runs before any timer. What many streams receive in one iteration of the event loop is so read together, and then told
 * together: of 200 streams an event costs a fifth less than one after the other (decision 27).
 */
export function readAtLoopEnd(task: Task): void {
  readers.push(task);
  schedule();
}

/** The same, once everything is read. */
export function tellAtLoopEnd(task: Task): void {
  tellers.push(task);
  schedule();
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(run);
}

function run(): void {
  noRequest.runInAsyncScope(() => {
    for (const tasks of [readers, tellers]) for (const task of tasks.splice(0)) attempt(task);
  });
  isScheduled = false;
  // Who was told may have asked for more: that is for the next end.
  if (readers.length + tellers.length > 0) schedule();
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
