import { ApiError } from '../http/errors.ts';
import type { Authorization, Http } from '../http/http.ts';
import type { Reply } from '../types.ts';
import type { TokenStorage, Tokens } from './storage.ts';

/** Where the refresh token is: in the replies, or in a cookie that the page cannot read. */
export type RefreshMode = 'body' | 'cookie';

/** The tokens of one login. It renews them when the server refuses the `jwt`. */
export interface Renewal extends Authorization {
  /** Replaces the tokens after a login or a logout. */
  replace(tokens: Tokens | null): Promise<void>;
}

export interface RenewalOptions {
  /** Sends no token. */
  readonly http: Http;
  readonly storage: TokenStorage;
  readonly mode: RefreshMode;
  /** Called with new tokens, and with null when the login has ended. */
  readonly onTokens?: ((tokens: Tokens | null) => void) | undefined;
}

/** The options of requests that set, send or clear the cookie. */
export const cookieOptions = (mode: RefreshMode) =>
  mode === 'cookie'
    ? { credentials: 'include' as const, headers: { 'x-strapi-refresh-cookie': 'httpOnly' } }
    : {};

export function createRenewal({ http, storage, mode, onTokens }: RenewalOptions): Renewal {
  let running: Promise<string | null> | undefined;
  /** Counts logins and logouts. A renewal that began before one is ignored. */
  let changes = 0;
  storage.onChange?.((tokens) => {
    changes += 1;
    onTokens?.(tokens);
  });

  return {
    async token() {
      const tokens = await storage.load();
      if (tokens !== null) return tokens.jwt;
      // A page that was loaded again has only the cookie.
      return mode === 'cookie' && storage.hasLogin?.() === true ? shared(null) : null;
    },
    renew: shared,
    async replace(tokens) {
      changes += 1;
      await save(tokens);
    },
  };

  /** Requests that are refused together share one renewal. */
  function shared(refused: string | null): Promise<string | null> {
    running ??= locked(() => renew(refused)).finally(() => (running = undefined));
    return running;
  }

  async function renew(refused: string | null): Promise<string | null> {
    const tokens = await storage.load();
    // Another request or another tab has renewed it.
    if (tokens !== null && tokens.jwt !== refused) return tokens.jwt;
    if (mode === 'body' && tokens?.refreshToken === undefined) return null;
    if (mode === 'cookie' && storage.hasLogin?.() === false) return null;
    const before = changes;
    const renewed = await send(tokens?.refreshToken);
    if (changes === before) await save(renewed);
    return (await storage.load())?.jwt ?? null;
  }

  /** Returns null if the login has ended. */
  async function send(refreshToken: string | undefined): Promise<Tokens | null> {
    try {
      return await http.json<Reply<'renewTokens'>>({
        ...{ method: 'POST', path: '/api/auth/refresh', body: refreshToken ? { refreshToken } : {} },
        ...cookieOptions(mode),
        // Without a reply, nothing but the same token is left to send.
        isRepeatable: true,
      });
    } catch (error) {
      if (error instanceof ApiError && [400, 401].includes(error.status)) return null;
      throw error;
    }
  }

  async function save(tokens: Tokens | null): Promise<void> {
    const kept = tokens && {
      jwt: tokens.jwt,
      ...(tokens.refreshToken !== undefined && { refreshToken: tokens.refreshToken }),
    };
    await storage.save(kept);
    onTokens?.(kept);
  }

  async function locked<T>(work: () => Promise<T>): Promise<T> {
    return storage.lock === undefined ? work() : storage.lock(work);
  }
}

/** Sends a personal token, or what the function returns. Nothing renews it. */
export function fixedToken(token: string | (() => string | Promise<string>)): Authorization {
  return {
    token: async () => (typeof token === 'string' ? token : token()),
    renew: () => Promise.resolve(null),
  };
}
