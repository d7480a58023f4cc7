/** What was read a moment ago, until it may have changed. */
export interface ShortMemory<K, V> {
  get(key: K): V | undefined;
  /** Called before reading. @returns how to remember what was read; without effect once all was forgotten meanwhile. */
  beginReading(): (key: K, value: V) => void;
  forget(key: K): void;
  forgetAll(): void;
}

/** @param maxEntries with one more, the oldest goes. */
export function createShortMemory<K, V>(forMs: number, maxEntries: number): ShortMemory<K, V> {
  const entries = new Map<K, { readonly value: V; readonly untilMs: number }>();
  let changes = 0;
  return {
    get(key) {
      const entry = entries.get(key);
      return entry !== undefined && entry.untilMs > Date.now() ? entry.value : undefined;
    },
    beginReading() {
      const [untilMs, changesBefore] = [Date.now() + forMs, changes];
      return (key, value) => {
        if (changes !== changesBefore) return;
        // To the end of the order, so that the first is always the oldest.
        entries.delete(key);
        const oldest = entries.size >= maxEntries ? entries.keys().next().value : undefined;
        if (oldest !== undefined) entries.delete(oldest);
        entries.set(key, { value, untilMs });
      };
    },
    forget: (key) => void entries.delete(key),
    forgetAll() {
      changes += 1;
      entries.clear();
    },
  };
}
