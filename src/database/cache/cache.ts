/** A cache of values that were read recently. */
export interface Cache<K, V> {
  get(key: K): V | undefined;
  /**
   * Returns the cached value, or the one that `load` reads. Concurrent readers share one load.
   * A load that started before `clear()` is not cached. Null is returned and not cached.
   * @throws the error of `load`, to each reader that shares the load.
   */
  read(key: K, load: () => Promise<V | null>): Promise<V | null>;
  /**
   * Marks the start of a read. The caller must call it before it reads.
   * @returns a function that caches the read value, unless `clear()` was called since then.
   */
  beginReading(): (key: K, value: V) => void;
  forget(key: K): void;
  clear(): void;
}

/**
 * Creates a cache.
 * @param forMs how long an entry is valid, in milliseconds from the start of its read.
 * @param maxEntries the limit. One more entry evicts the oldest.
 */
export function createCache<K, V>(forMs: number, maxEntries: number): Cache<K, V> {
  const entries = new Map<K, { readonly value: V; readonly untilMs: number }>();
  const readings = new Map<K, Promise<V | null>>();
  let changes = 0;
  return { get, read, beginReading, forget: (key) => void entries.delete(key), clear };

  function get(key: K): V | undefined {
    const entry = entries.get(key);
    return entry !== undefined && entry.untilMs > Date.now() ? entry.value : undefined;
  }

  async function read(key: K, load: () => Promise<V | null>): Promise<V | null> {
    return get(key) ?? readings.get(key) ?? begin(key, load);
  }

  async function begin(key: K, load: () => Promise<V | null>): Promise<V | null> {
    const remember = beginReading();
    const reading = load();
    readings.set(key, reading);
    try {
      const value = await reading;
      if (value !== null) remember(key, value);
      return value;
    } finally {
      if (readings.get(key) === reading) readings.delete(key);
    }
  }

  function beginReading(): (key: K, value: V) => void {
    const [untilMs, changesBefore] = [Date.now() + forMs, changes];
    return (key, value) => {
      if (changes !== changesBefore) return;
      // Delete first, so that the entry moves to the end and the first entry is always the oldest.
      entries.delete(key);
      const oldest = entries.size >= maxEntries ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
      entries.set(key, { value, untilMs });
    };
  }

  function clear(): void {
    changes += 1;
    entries.clear();
    readings.clear();
  }
}
