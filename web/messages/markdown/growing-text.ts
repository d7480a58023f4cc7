import { toBlocks } from './to-html';

/** What one step adds to the page. */
export interface Step {
  /** HTML of blocks that no further text changes. */
  readonly finished: readonly string[];
  /** HTML of the rest, which replaces the rest of the step before. Null if a long text needs a further step. */
  readonly rest: string | null;
}

/** Characters that one step reads at most, so that it blocks the page only for a moment. */
export const maxStepChars = 10_000;

/**
 * Turns a growing text into HTML, block by block. A block is finished when another one follows it. Finished blocks are
 * not parsed again, so each step costs as much as the last block and what is new.
 */
export function createGrowingText() {
  let done = 0;
  return {
    /** Takes the whole text so far. It must begin with the text of the step before. */
    step(text: string): Step {
      const part = text.slice(done, done + maxStepChars);
      const isEnd = done + part.length === text.length;
      const blocks = toBlocks(part);
      let last = blocks.length - 1;
      while (last > 0 && blocks[last]?.html === '') last -= 1;
      // A block that is longer than a step is cut into several.
      const finished = last > 0 ? blocks.slice(0, last) : isEnd ? [] : blocks;
      for (const { length } of finished) done += length;
      const rest = blocks.slice(finished.length);
      return {
        finished: finished.map(({ html }) => html),
        rest: isEnd ? rest.map(({ html }) => html).join('') : null,
      };
    },
  };
}
