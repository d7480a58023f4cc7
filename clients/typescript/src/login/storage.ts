/** What a login returns. With the refresh token in a cookie, the page has only the `jwt`. */
export interface Tokens {
  readonly jwt: string;
  readonly refreshToken?: string;
}

/** Keeps the tokens of a login. */
export interface TokenStorage {
  load(): Tokens | null | Promise<Tokens | null>;
  save(tokens: Tokens | null): void | Promise<void>;
  /**
   * Runs one `work` at a time, for all clients that share this storage. Each refresh token works once, so two pages that
   * renew it at different times would end the login.
   */
  lock?<T>(work: () => Promise<T>): Promise<T>;
  /** Returns whether somebody can be logged in. If not, the client does not try to renew the login by its cookie. */
  hasLogin?(): boolean;
  /** Calls `listener` when another tab has changed the tokens. */
  onChange?(listener: (tokens: Tokens | null) => void): void;
}

export function memoryStorage(tokens: Tokens | null = null): TokenStorage {
  let kept = tokens;
  return { load: () => kept, save: (next) => void (kept = next) };
}

/** Keeps the tokens in `localStorage` or `sessionStorage`. The tabs of a browser then share one login. */
export function webStorage(
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>,
  key = 'character-chat',
): TokenStorage {
  return {
    load() {
      const text = storage.getItem(key);
      return text === null ? null : toTokens(text);
    },
    save(tokens) {
      if (tokens === null) storage.removeItem(key);
      else storage.setItem(key, JSON.stringify(tokens));
    },
    // Only secure pages have locks.
    lock: async (work) => (globalThis.navigator?.locks ? navigator.locks.request(key, work) : work()),
  };
}

function toTokens(text: string): Tokens | null {
  try {
    const { jwt, refreshToken } = JSON.parse(text) as Partial<Record<keyof Tokens, unknown>>;
    if (typeof jwt !== 'string') return null;
    return { jwt, ...(typeof refreshToken === 'string' && { refreshToken }) };
  } catch {
    return null;
  }
}
