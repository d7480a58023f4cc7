import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

import { words } from '../../i18n';
import { showToast } from '../../ui/toast';
import { createView } from './view';

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
    if (root.current) view.current ??= createView(root.current, addCopyButtons);
    view.current?.show(text);
  }, [text]);
  useEffect(() => () => view.current?.stop(), []);
  return <div ref={root} class="markdown" data-growing={isGrowing} />;
}

function addCopyButtons(nodes: DocumentFragment): void {
  for (const code of nodes.querySelectorAll('.code')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = words.value.copyCode;
    button.addEventListener('click', () => void copyText(code.querySelector('code')?.textContent ?? ''));
    code.querySelector('.code-head')?.append(button);
  }
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
