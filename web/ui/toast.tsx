import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';

import { words } from '../i18n';
import { textOf } from '../i18n/errors';
import { Button, IconButton } from './button';
import { focusIfLost } from './focus';
import { Icon } from './icon';

export interface Toast {
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

const shownMs = 8_000;
const toasts = signal<readonly Toast[]>([]);

/** Shows a short sentence for some seconds. A screen reader says it. */
export function showToast(toast: Toast): void {
  toasts.value = [...toasts.value.slice(-2), toast];
}

export const showError = (error: unknown) => showToast({ text: textOf(error) });

const remove = (toast: Toast) => {
  toasts.value = toasts.value.filter((other) => other !== toast);
};

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map((toast) => (
        <ToastLine key={toast} toast={toast} />
      ))}
    </div>
  );
}

function ToastLine({ toast }: { readonly toast: Toast }) {
  const { text, action } = toast;
  const line = useRef<HTMLDivElement>(null);
  const [isUsed, setUsed] = useState(false);
  // Nobody has to hurry: it stays while the pointer or the focus is in it.
  useEffect(() => {
    if (isUsed) return;
    const timer = setTimeout(() => remove(toast), shownMs);
    return () => clearTimeout(timer);
  }, [isUsed]);
  useEffect(() => {
    if (action !== undefined) focusIfLost(line.current?.querySelector('button') ?? null);
  }, []);
  const run = () => {
    remove(toast);
    action?.run();
  };
  const use = () => setUsed(true);
  const leave = () => setUsed(line.current?.contains(document.activeElement) ?? false);
  return (
    <div
      ref={line}
      class="toast"
      onMouseEnter={use}
      onMouseLeave={leave}
      onFocusIn={use}
      onFocusOut={() => setUsed(false)}
    >
      <span>{text}</span>
      {action !== undefined && <Button onClick={run}>{action.label}</Button>}
      <IconButton label={words.value.dismiss} onClick={() => remove(toast)}>
        <Icon name="close" />
      </IconButton>
    </div>
  );
}
