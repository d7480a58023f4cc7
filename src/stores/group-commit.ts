import { setImmediate as othersTurn } from 'node:timers/promises';

/** Bounds what one transaction holds, and how long the process does nothing else: SQLite's driver blocks it. */
const maxTogether = 100;

/**
 * Has items of many callers written together: what comes while one group is being written goes with the next. Streams
 * that began in the same moment stay in step, and would else make a transaction each, all at once.
 * @param write all of them, or none; what is wrong with one of a group is no other's failure, so each is then written
 *   alone.
 * @returns settles when this item is written. @throws what `write` threw for it alone.
 */
export function createGroupCommit<T>(
  write: (items: readonly T[]) => Promise<void>,
): (item: T) => Promise<void> {
  let waiting: Waiting<T>[] = [];
  let isWriting = false;

  async function writeAll(): Promise<void> {
    isWriting = true;
    // All timers that are due have run by then.
    await othersTurn();
    while (waiting.length > 0) {
      const group = waiting.slice(0, maxTogether);
      waiting = waiting.slice(maxTogether);
      await writeGroup(group);
    }
    isWriting = false;
  }

  async function writeGroup(group: readonly Waiting<T>[]): Promise<void> {
    try {
      await write(group.map(({ item }) => item));
      for (const { resolve } of group) resolve();
    } catch (error) {
      const [first, ...others] = group;
      if (others.length === 0) first?.reject(error);
      // Nobody waits for them but who asked: one that takes long holds up no group.
      else for (const one of group) void writeGroup([one]);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!isWriting) void writeAll();
    });
}

interface Waiting<T> {
  readonly item: T;
  resolve(): void;
  reject(error: unknown): void;
}
