import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { IconButton } from './button';

export interface MenuItem {
  readonly label: string;
  readonly onSelect: () => void;
  readonly kind?: 'plain' | 'danger';
  /** Marks the current one of several choices. */
  readonly isChecked?: boolean;
}

export interface MenuProps {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly children: ComponentChildren;
}

/** A button that opens a list of actions. Arrow keys move, Escape closes, and the focus returns to the button. */
export function Menu({ label, items, children }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const id = useId();
  const buttons = () => [...(root.current?.querySelectorAll<HTMLElement>('[role^=menuitem]') ?? [])];

  useEffect(() => {
    if (isOpen) buttons()[0]?.focus();
  }, [isOpen]);

  function close(): void {
    setOpen(false);
    root.current?.querySelector('button')?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (!isOpen) return;
    const all = buttons();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === 'Escape') close();
    else if (step !== undefined) {
      const index = all.indexOf(document.activeElement as HTMLElement);
      all[(index + step + all.length) % all.length]?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function onFocusOut({ relatedTarget }: FocusEvent): void {
    if (!root.current?.contains(relatedTarget as Node | null)) setOpen(false);
  }

  return (
    <div class="menu" ref={root} onKeyDown={onKeyDown} onFocusOut={onFocusOut}>
      <IconButton
        label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        {...(isOpen && { 'aria-controls': id })}
        onClick={() => setOpen(!isOpen)}
      >
        {children}
      </IconButton>
      {isOpen && (
        <div role="menu" id={id} aria-label={label}>
          {items.map((item) => (
            <MenuButton key={item.label} item={item} onSelect={close} />
          ))}
        </div>
      )}
    </div>
  );
}

function MenuButton({ item, onSelect }: { readonly item: MenuItem; readonly onSelect: () => void }) {
  const { label, kind = 'plain', isChecked } = item;
  const isChoice = isChecked !== undefined;
  return (
    <button
      type="button"
      class={kind}
      tabIndex={-1}
      role={isChoice ? 'menuitemradio' : 'menuitem'}
      {...(isChoice && { 'aria-checked': isChecked })}
      onClick={() => {
        onSelect();
        item.onSelect();
      }}
    >
      {label}
    </button>
  );
}
