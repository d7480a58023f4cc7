/**
 * Gives an element the focus if no element has it, e.g. because a button is gone after a click. Not on touch screens,
 * where a focus in a field opens the keyboard.
 */
export function focusIfLost(element: HTMLElement | null): void {
  const isLost = document.activeElement === null || document.activeElement === document.body;
  if (isLost && matchMedia('(hover: hover)').matches) element?.focus();
}
