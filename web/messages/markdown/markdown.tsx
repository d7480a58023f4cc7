import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

import { words } from '../../i18n';
import { onNextFrame } from '../../platform/next-frame';
import { showToast } from '../../ui/toast';
import { createGrowingText } from './growing-text';
import { toNodes } from './sanitize';

export interface MarkdownProps {
  readonly text: string;
  /** Shows a caret at the end. */
  readonly isGrowing?: boolean;
}

/** Shows Markdown. Text that grows is only added to the page. */
export function Markdown({ text, isGrowing = false }: MarkdownProps) {
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<ReturnType<typeof createView> | null>(null);
  useLayoutEffect(() => {
    if (root.current) view.current ??= createView(root.current);
    view.current?.show(text);
  }, [text]);
  useEffect(() => () => view.current?.stop(), []);
  return <div ref={root} class="markdown" data-growing={isGrowing} />;
}

function createView(root: HTMLElement) {
  let shown = '';
  let growing = createGrowingText();
  let cancel = () => {};
  const rest = document.createElement('div');
  root.append(rest);

  function step(): void {
    const { finished, rest: html } = growing.step(shown);
    for (const block of finished) rest.before(withCopyButtons(toNodes(block)));
    if (html === null) cancel = onNextFrame(step);
    else rest.replaceChildren(withCopyButtons(toNodes(html)));
  }

  return {
    show(raw: string): void {
      const text = raw.replace(/\r\n?/gu, '\n');
      if (!text.startsWith(shown)) {
        root.replaceChildren(rest);
        growing = createGrowingText();
      }
      shown = text;
      cancel();
      step();
    },
    stop: () => cancel(),
  };
}

function withCopyButtons(nodes: DocumentFragment): DocumentFragment {
  for (const code of nodes.querySelectorAll('.code')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = words.value.copyCode;
    button.addEventListener('click', () => void copyText(code.querySelector('code')?.textContent ?? ''));
    code.querySelector('.code-head')?.append(button);
  }
  return nodes;
}

/** Copies a text and says so. Pages without HTTPS may not copy. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    showToast({ text: words.value.copied });
  } catch {
    showToast({ text: words.value.copyFailed });
  }
}
