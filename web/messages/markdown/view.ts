import { onNextFrame } from '../../platform/next-frame';
import type { CutKind } from './cut-block';
import { createGrowingText, type Piece } from './growing-text';
import { toNodes } from './sanitize';

/** The element of a block that contains its pieces. Null for the block itself. */
const inner: Readonly<Record<CutKind, string | null>> = {
  code: 'code',
  list: null,
  paragraph: null,
  table: 'tbody',
};

/**
 * Shows a growing text in an element. A long text takes several frames, so that it does not block the page.
 * @param decorate gets the new nodes before they are in the page
 */
export function createView(root: HTMLElement, decorate: (nodes: DocumentFragment) => void) {
  let shown = '';
  let growing = createGrowingText();
  let rest: readonly ChildNode[] = [];
  let cancel = () => {};

  function append({ html, continues }: Piece): readonly ChildNode[] {
    const nodes = toNodes(html);
    decorate(nodes);
    const before = continues === null ? null : findInner(root.lastElementChild, continues);
    const added = continues === null ? null : findInner(nodes.firstElementChild, continues);
    const children = [...(before !== null && added !== null ? added : nodes).childNodes];
    (before ?? root).append(...children);
    return children;
  }

  function step(): void {
    const { finished, rest: pieces } = growing.step(shown);
    for (const node of rest) node.remove();
    for (const piece of finished) append(piece);
    rest = (pieces ?? []).flatMap(append);
    if (pieces === null) cancel = onNextFrame(step);
  }

  return {
    show(raw: string): void {
      const text = raw.replace(/\r\n?/gu, '\n');
      if (!text.startsWith(shown)) {
        root.replaceChildren();
        rest = [];
        growing = createGrowingText();
      }
      shown = text;
      cancel();
      step();
    },
    stop: () => cancel(),
  };
}

function findInner(block: Element | null, kind: CutKind): Element | null {
  const { [kind]: selector } = inner;
  return selector === null ? block : (block?.querySelector(selector) ?? null);
}
