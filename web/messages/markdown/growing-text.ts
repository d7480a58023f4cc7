import { cutBlock, type Cut, type CutKind } from './cut-block';
import { toBlocks, type Block } from './to-html';

/** The HTML of a block, or of a piece of a long one. */
export interface Piece {
  readonly html: string;
  /** Set if the piece continues the block before it. */
  readonly continues: CutKind | null;
}

/** What one step adds to the page. */
export interface Step {
  /** Pieces that no further text changes. */
  readonly finished: readonly Piece[];
  /** The rest, which replaces the rest of the step before. Null if a long text needs a further step. */
  readonly rest: readonly Piece[] | null;
}

/** Characters that one step reads, so that it blocks the page only for a moment. Some blocks cannot be cut there. */
export const maxStepChars = 2_000;

/**
 * Turns a growing text into HTML, block by block. A block is finished when another one follows it. Finished blocks are
 * not read again, so each step costs as much as the last block and what is new. Long blocks come in pieces.
 */
export function createGrowingText() {
  let done = 0;
  let stepChars = maxStepChars;
  /** The cut after which the text goes on. */
  let cut: Cut | null = null;

  function toPieces(blocks: readonly Block[], next: Cut | null): readonly Piece[] {
    const pieces = blocks.map(({ html, token }, index) => ({
      html,
      continues: index === 0 && cut !== null && token.type === cut.kind ? cut.kind : null,
    }));
    const last = pieces.pop();
    return last === undefined
      ? []
      : [...pieces, { ...last, html: next === null ? last.html : endPiece(last.html, next) }];
  }

  function finish(blocks: readonly Block[], next: Cut | null): readonly Piece[] {
    const head = cut?.head.length ?? 0;
    const pieces = toPieces(blocks, next);
    done += blocks.reduce((sum, { raw }) => sum + raw.length, 0) - head;
    cut = next;
    stepChars = maxStepChars;
    return pieces;
  }

  /** Takes the whole text so far. It must begin with the text of the step before. */
  function step(text: string): Step {
    const part = text.slice(done, done + stepChars);
    const isEnd = done + part.length === text.length;
    const blocks = toBlocks((cut?.head ?? '') + part);
    let last = blocks.length - 1;
    while (last > 0 && blocks[last]?.html === '') last -= 1;
    if (last > 0) {
      const finished = finish(blocks.slice(0, last), null);
      return { finished, rest: isEnd ? toPieces(blocks.slice(last), null) : null };
    }
    if (isEnd) return { finished: [], rest: toPieces(blocks, null) };
    const next = cutBlocks(blocks);
    if (next !== null) return { finished: finish(next.blocks, next.cut), rest: null };
    stepChars *= 2;
    return step(text);
  }

  return { step };
}

/** Returns the part of a long block before the best cut, as a block of its own. */
function cutBlocks([block]: readonly Block[]) {
  if (block === undefined) return null;
  const cut = cutBlock(block.token, block.raw);
  if (cut === null) return null;
  const blocks = toBlocks(block.raw.slice(0, cut.length));
  return { blocks, cut };
}

/** Ends a piece so that the next one can follow. */
function endPiece(html: string, { kind, joint }: Cut): string {
  if (kind === 'code') return html.replace('\n</code>', `${joint}</code>`);
  if (kind === 'paragraph') return html.replace(/\s*<\/p>/u, `${joint}</p>`);
  return html;
}
