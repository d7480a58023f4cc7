import type { Message } from '../model/message';
import type { Owner } from '../model/owner';

/** A message in which the text was found, with the title of its session. */
export interface Hit {
  readonly message: Message;
  readonly title: string | null;
}

export interface SearchStore {
  /**
   * Looks through a window, in which deleted messages count but are not found.
   * @returns the ids of those with this text in what was said in them, without regard to case, the newest first; and
   *   where the next window begins, as its `before`; null where there are no more.
   */
  searchWindow(
    owner: Owner,
    text: string,
    window: SearchWindow,
  ): Promise<{ readonly ids: readonly number[]; readonly end: number | null }>;
  /** Those of the owner's messages with these ids that are still there; the newest first. */
  findHits(owner: Owner, ids: readonly number[]): Promise<readonly Hit[]>;
}

/** The `size` newest of an owner's messages of which `Message.id` is below `before`. */
export interface SearchWindow {
  readonly before: number;
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
}
