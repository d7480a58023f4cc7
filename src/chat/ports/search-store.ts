import type { Message } from '../model/message';
import type { Owner } from '../model/owner';

/** A message in which the text was found, with the title of its session. */
export interface Hit {
  readonly message: Message;
  readonly title: string | null;
}

export interface SearchStore {
  /**
   * Searches a window of messages. Deleted messages count for its size, but are not found. Ignores case.
   * @returns the ids of messages whose own line contains this text, newest first. `end` is the `before` of the next
   *   window; null if no messages are left.
   */
  searchWindow(
    owner: Owner,
    text: string,
    window: SearchWindow,
  ): Promise<{ readonly ids: readonly number[]; readonly end: number | null }>;
  /** Returns the owner's messages with these ids that still exist, newest first. */
  findHits(owner: Owner, ids: readonly number[]): Promise<readonly Hit[]>;
}

/** The `size` newest messages of an owner whose `Message.id` is below `before`. */
export interface SearchWindow {
  readonly before: number;
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
}
