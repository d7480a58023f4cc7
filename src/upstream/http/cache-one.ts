import { LRUCache } from 'lru-cache';

/** An editor who changes an app at its upstream sees the effect within this time. */
const ttlMs = 60_000;

/** Returns a function that reads a value, or takes it from the cache. Callers at the same time share one read. */
export function cacheOne<T extends object | boolean>(read: () => Promise<T>): () => Promise<T> {
  const cache = new LRUCache<'value', { readonly value: T }>({
    max: 1,
    ttl: ttlMs,
    fetchMethod: async () => ({ value: await read() }),
  });
  return async () => (await cache.forceFetch('value')).value;
}
