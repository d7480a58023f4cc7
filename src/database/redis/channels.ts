import type { Listening } from '../../chat';
import type { Redis } from './connection';

/** Texts between the processes, by Redis's channels. A text that is sent while Redis is away is lost. */
export interface Channels {
  /** Sends a text to all processes that listen, also to this one. Never rejects. */
  publish(channel: string, text: string): void;
  /** Calls `listener` with each text. It must not throw. */
  listen(channel: string, listener: (text: string) => void): Listening;
}

export function createChannels(redis: Redis): Channels {
  const listeners = new Map<string, Set<(text: string) => void>>();
  /** The channels that the client listens to. It listens again by itself after a break. */
  const subscribed = new Map<string, Promise<void>>();
  redis.onReady(() => {
    for (const channel of listeners.keys()) void subscribe(channel);
  });
  return {
    publish(channel, text) {
      redis
        .client()
        ?.sendCommand(['PUBLISH', channel, text])
        .catch(() => undefined);
    },
    listen(channel, listener) {
      const all = listeners.get(channel) ?? new Set();
      // Wrap the function, so that listening with it twice makes two listeners.
      const own = (text: string) => listener(text);
      listeners.set(channel, all.add(own));
      return {
        begun: subscribe(channel),
        end() {
          all.delete(own);
          if (all.size > 0 || listeners.get(channel) !== all) return;
          listeners.delete(channel);
          void unsubscribe(channel);
        },
      };
    },
  };

  function subscribe(channel: string): Promise<void> {
    const client = redis.subscriber();
    const existing = subscribed.get(channel);
    if (existing !== undefined) return existing;
    if (client?.isReady !== true) return Promise.resolve();
    const subscribing = client.subscribe(channel, take).catch(() => void subscribed.delete(channel));
    subscribed.set(channel, subscribing);
    return subscribing;
  }

  async function unsubscribe(channel: string): Promise<void> {
    await subscribed.get(channel);
    // Somebody can listen again by now.
    if (listeners.has(channel) || !subscribed.delete(channel)) return;
    await redis
      .subscriber()
      ?.unsubscribe(channel, take)
      .catch(() => undefined);
  }

  function take(text: string, channel: string): void {
    for (const listener of listeners.get(channel) ?? []) listener(text);
  }
}
