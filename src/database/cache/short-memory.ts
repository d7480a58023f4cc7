/** What was read a moment ago, until it may have changed. */
export interface ShortMemory<K, V> {
  get(key: K): V | undefined;
  /**
   * What is known, else what `load` reads: once for all who ask meanwhile, for a crowd would else read the same a hundred
   * times at once. Nobody is given what was begun to be read before all was forgotten. Null is told and not remembered.
   * @throws what `load` throws, to all who wait for it.
   */
  read(key: K, load: () => Promise<V | null>): Promise<V | null>;
  /** Called before reading. @returns how to remember what was read; without effect once all was forgotten meanwhile. */
  beginReading(): (key: K, value: V) => void;
  forget(key: K): void;
  forgetAll(): void;
}

/** @param maxEntries with one more, the oldest goes. */
export function createShortMemory<K, V>(forMs: number, maxEntries: number): ShortMemory<K, V> {
  const entries = new Map<K, { readonly value: V; readonly untilMs: number }>();
  const readings = new Map<K, Promise<V | null>>();
  let changes = 0;
  return { get, read, beginReading, forget: (key) => void entries.delete(key), forgetAll };

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
      // To the end of the order, so that the first is always the oldest.
      entries.delete(key);
      const oldest = entries.size >= maxEntries ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
      entries.set(key, { value, untilMs });
    };
  }

  function forgetAll(): void {
    changes += 1;
    entries.clear();
    readings.clear();
  }
}
