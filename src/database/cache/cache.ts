/** A cache in memory, with a time to live. Null means "not found" and is not cached. */
export interface Cache<K, V> {
  get(key: K): V | undefined;
  /**
   * Returns the cached value, or the one that `load` reads. Concurrent readers of a key share one load.
   * A load that started before `forget()` or `clear()` is not cached.
   * @throws the error of `load`, to each reader that shares the load.
   */
  read(key: K, load: () => Promise<V | null>): Promise<V | null>;
  /**
   * For a caller that reads several values itself. Call it before the read.
   * @returns a function that caches a value, unless `clear()` was called in between.
   */
  beginRead(): (key: K, value: V) => void;
  /** Removes one value. */
  forget(key: K): void;
  /** Removes all values. */
  clear(): void;
}

/**
 * Creates a cache.
 * @param ttlMs how long a value is valid, in milliseconds from the start of its read.
 * @param maxEntries when the cache is full, a new value evicts the one that was written longest ago.
 */
export function createCache<K, V>(ttlMs: number, maxEntries: number): Cache<K, V> {
  const entries = new Map<K, { readonly value: V; readonly expiresAtMs: number }>();
  const loads = new Map<K, Promise<V | null>>();
  let clearCount = 0;
  return { get, read, beginRead, forget, clear };

  function get(key: K): V | undefined {
    const entry = entries.get(key);
    return entry !== undefined && entry.expiresAtMs > Date.now() ? entry.value : undefined;
  }

  async function read(key: K, load: () => Promise<V | null>): Promise<V | null> {
    return get(key) ?? loads.get(key) ?? startLoad(key, load);
  }

  async function startLoad(key: K, load: () => Promise<V | null>): Promise<V | null> {
    const expiresAtMs = Date.now() + ttlMs;
    const loading = load();
    loads.set(key, loading);
    // After `forget()` or `clear()`, no load or a newer one has the key.
    const isCurrent = () => loads.get(key) === loading;
    try {
      const value = await loading;
      if (value !== null && isCurrent()) store(key, value, expiresAtMs);
      return value;
    } finally {
      if (isCurrent()) loads.delete(key);
    }
  }

  function beginRead(): (key: K, value: V) => void {
    const expiresAtMs = Date.now() + ttlMs;
    const clearsBefore = clearCount;
    return (key, value) => {
      if (clearCount === clearsBefore) store(key, value, expiresAtMs);
    };
  }

  function store(key: K, value: V, expiresAtMs: number): void {
    // Delete first, so that the entry moves to the end and the first entry is always the oldest.
    entries.delete(key);
    const oldest = entries.size >= maxEntries ? entries.keys().next().value : undefined;
    if (oldest !== undefined) entries.delete(oldest);
    entries.set(key, { value, expiresAtMs });
  }

  function forget(key: K): void {
    entries.delete(key);
    loads.delete(key);
  }

  function clear(): void {
    clearCount += 1;
    entries.clear();
    loads.clear();
  }
}
