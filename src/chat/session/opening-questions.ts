import { z } from 'zod';

import type { Owner } from '../model/owner';
import type { NodeBus } from '../ports/nodes/node-bus';
import { settledWithin } from '../shared/settled-within';

/**
 * The questions of chats that have arrived and have no turn yet. A stop can overtake its question, e.g. while the server
 * still reads a photo. It then stops the turn when that opens.
 */
export interface OpeningQuestions {
  add(owner: Owner): OpeningQuestion;
  /**
   * Stops those of a chat, at each node.
   * @returns a promise of the end of those of this process, or of a moment.
   */
  stop(owner: Owner, chatId: string): Promise<void>;
}

export interface OpeningQuestion {
  /** Sets the chat, once the body is read. */
  setChat(chatId: string): void;
  /** Returns whether a stop of its chat has arrived since it was added. */
  isStopped(): boolean;
  /** Removes it. Call it in any case: after its turn has opened and, if it is stopped, has ended. */
  remove(): void;
}

/** A stop waits at most this long for a question. */
const maxWaitMs = 5_000;
/** How many chats can be stopped while one body is read. */
const maxStopped = 100;

const topic = 'stop-opening';
const message = z.object({ ownerId: z.number(), chatId: z.string() });

interface Entry {
  chatId: string | undefined;
  /** The chats that were stopped since it was added. */
  readonly stopped: Set<string>;
  readonly removed: Promise<void>;
}

export function createOpeningQuestions(bus: Pick<NodeBus, 'send' | 'listen'>): OpeningQuestions {
  const entries = new Map<number, Set<Entry>>();
  bus.listen(topic, (given) => {
    const { data } = message.safeParse(given);
    if (data !== undefined) mark(data.ownerId, data.chatId);
  });
  return {
    add,
    stop({ id: ownerId }, chatId) {
      bus.send(topic, { ownerId, chatId });
      const those = mark(ownerId, chatId);
      const all = Promise.all(those.map(({ removed }) => removed));
      return settledWithin(maxWaitMs, all).then(() => undefined);
    },
  };

  function add({ id: ownerId }: Owner): OpeningQuestion {
    let onRemoved = () => {};
    const removed = new Promise<void>((resolve) => {
      onRemoved = resolve;
    });
    const entry: Entry = { chatId: undefined, stopped: new Set(), removed };
    const own = entries.get(ownerId) ?? new Set();
    entries.set(ownerId, own.add(entry));
    return {
      setChat(chatId) {
        entry.chatId = chatId;
      },
      isStopped: () => entry.chatId !== undefined && entry.stopped.has(entry.chatId),
      remove() {
        own.delete(entry);
        if (own.size === 0 && entries.get(ownerId) === own) entries.delete(ownerId);
        onRemoved();
      },
    };
  }

  /** Notes a stop. @returns the questions that are known to be of the chat. */
  function mark(ownerId: number, chatId: string): readonly Entry[] {
    const own = [...(entries.get(ownerId) ?? [])];
    for (const { stopped } of own) if (stopped.size < maxStopped) stopped.add(chatId);
    return own.filter((entry) => entry.chatId === chatId);
  }
}
