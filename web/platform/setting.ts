import { effect, signal, type Signal } from '@preact/signals';

/** A choice of the user that this browser remembers. `initial` counts until the user has chosen. */
export function createSetting<T extends string>(name: string, values: readonly T[], initial: T): Signal<T> {
  const key = `character-chat.${name}`;
  const known = values.find((value) => value === localStorage.getItem(key));
  const setting = signal<T>(known ?? initial);
  let isFirst = true;
  effect(() => {
    const { value } = setting;
    if (!isFirst) localStorage.setItem(key, value);
    isFirst = false;
  });
  return setting;
}
