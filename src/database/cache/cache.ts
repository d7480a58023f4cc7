import { LRUCache } from 'lru-cache';

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
 * @param maxEntries when the cache is full, a new value evicts the one that was used longest ago.
 */
export function createCache<K extends string | number, V extends object | string | number>(
  ttlMs: number,
  maxEntries: number,
): Cache<K, V> {
  let clearCount = 0;
  /** The errors with which lru-cache rejects a dropped load that has found nothing, although it ignores the drop. */
  const drops = new WeakSet<object>();
  const entries = new LRUCache<K, V, () => Promise<V | null>>({
    max: maxEntries,
    ttl: ttlMs,
    perf: { now: () => performance.now() },
    // Readers that share a load get its value, also after `forget()` or `clear()`. It is then not cached.
    ignoreFetchAbort: true,
    async fetchMethod(_key, _stale, { context: load, options, signal }) {
      const startMs = performance.now();
      const value = await load();
      options.ttl = leftFrom(startMs);
      if (value === null && signal.aborted) drops.add(signal.reason as Error);
      return value ?? undefined;
    },
  });

  /** lru-cache counts from the end of a read. It takes 0 for no limit. */
  function leftFrom(startMs: number): number {
    return Math.max(1, ttlMs - Math.ceil(performance.now() - startMs));
  }

  return {
    get: (key) => entries.get(key),
    async read(key, load) {
      try {
        return (await entries.fetch(key, { context: load })) ?? null;
      } catch (error) {
        if (drops.has(error as Error)) return null;
        throw error;
      }
    },
    beginRead() {
      const startMs = performance.now();
      const clearsBefore = clearCount;
      return (key, value) => {
        if (clearCount === clearsBefore) entries.set(key, value, { ttl: leftFrom(startMs) });
      };
    },
    forget: (key) => void entries.delete(key),
    clear() {
      clearCount += 1;
      entries.clear();
    },
  };
}
