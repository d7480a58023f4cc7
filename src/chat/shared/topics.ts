/** Listeners by topic, within this process. A topic without listeners costs nothing. */
export interface Topics<T> {
  publish(topic: string, value: T): void;
  /** @returns a function that ends the subscription. */
  subscribe(topic: string, listener: (value: T) => void): () => void;
}

export function createTopics<T>(): Topics<T> {
  const topics = new Map<string, Set<(value: T) => void>>();
  return {
    publish(topic, value) {
      for (const listener of topics.get(topic) ?? []) listener(value);
    },
    subscribe(topic, listener) {
      // Wrap the function, so that subscribing it twice makes two subscriptions.
      const own = (value: T) => listener(value);
      const listeners = topics.get(topic) ?? new Set();
      topics.set(topic, listeners.add(own));
      return () => {
        listeners.delete(own);
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic);
      };
    },
  };
}
