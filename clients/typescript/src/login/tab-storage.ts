import type { TokenStorage, Tokens } from './storage.ts';

/** What the tabs of a browser send each other. */
type Message =
  | { readonly kind: 'ask' }
  | { readonly kind: 'tokens'; readonly tokens: Tokens | null; readonly savedAtMs: number };

export interface TabStorage extends TokenStorage {
  hasLogin(): boolean;
  onChange(listener: (tokens: Tokens | null) => void): void;
}

/** How long a tab waits for the tokens that another tab has just renewed. Without them, it renews the login again. */
const answerMs = 200;

/**
 * Keeps the `jwt` in memory only, for `refresh: 'cookie'`. The tabs of a browser share one login: they send each other
 * new tokens, and one of them renews the login for all. `localStorage` has only the fact that somebody is logged in.
 */
export function tabStorage(
  name = 'character-chat',
  facts: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | undefined = globalThis.localStorage,
): TabStorage {
  const loginKey = `${name}.login`;
  const listeners: ((tokens: Tokens | null) => void)[] = [];
  let kept: { readonly tokens: Tokens | null; readonly savedAtMs: number } = { tokens: null, savedAtMs: 0 };
  let onAnswer = () => {};
  const channel = openChannel(name, receive);

  return {
    load: () => kept.tokens,
    save(tokens) {
      kept = { tokens, savedAtMs: Math.max(Date.now(), kept.savedAtMs + 1) };
      if (tokens === null) facts?.removeItem(loginKey);
      else facts?.setItem(loginKey, 'true');
      send({ kind: 'tokens', ...kept });
    },
    hasLogin: () => kept.tokens !== null || facts === undefined || facts.getItem(loginKey) !== null,
    onChange: (listener) => void listeners.push(listener),
    async lock(work) {
      const locks = globalThis.navigator?.locks;
      // Only secure pages have locks.
      if (locks === undefined) return work();
      const first = await locks.request(name, { ifAvailable: true }, async (lock) =>
        lock === null ? null : { result: await work() },
      );
      if (first !== null) return first.result;
      return locks.request(name, async () => {
        await askOthers();
        return work();
      });
    },
  };

  function receive(message: Message): void {
    if (message.kind === 'ask') {
      if (kept.tokens !== null) send({ kind: 'tokens', ...kept });
      return;
    }
    // Another tab can have older tokens than this one.
    if (message.savedAtMs > kept.savedAtMs) {
      kept = { tokens: message.tokens, savedAtMs: message.savedAtMs };
      for (const listener of listeners) listener(kept.tokens);
    }
    onAnswer();
  }

  function askOthers(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, answerMs);
      onAnswer = () => {
        clearTimeout(timer);
        resolve();
      };
      send({ kind: 'ask' });
    });
  }

  function send(message: Message): void {
    channel?.postMessage(message);
  }
}

function openChannel(name: string, receive: (message: Message) => void): BroadcastChannel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined;
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }: MessageEvent<Message>) => receive(data);
  // In Node, the channel must not keep the process alive.
  (channel as { unref?: () => void }).unref?.();
  return channel;
}
