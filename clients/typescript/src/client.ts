import { createHttp, type Authorization } from './http/http.ts';
import { createOpen } from './http/open.ts';
import { createRetries, type RetryOptions } from './http/retry.ts';
import { createAccountCalls, type AccountCalls } from './login/account.ts';
import { createRenewal, fixedToken, type RefreshMode } from './login/renewal.ts';
import { memoryStorage, type TokenStorage, type Tokens } from './login/storage.ts';
import { createCharacterCalls, type CharacterCalls } from './resources/characters.ts';
import { createFileCalls, type FileCalls } from './resources/files.ts';
import { createHistoryCalls, type HistoryCalls } from './resources/history.ts';
import { createMessageCalls, type MessageCalls } from './resources/messages.ts';
import { createOwnDataCalls, type OwnDataCalls } from './resources/own-data.ts';
import { createPersonalTokenCalls, type PersonalTokenCalls } from './resources/personal-tokens.ts';
import { createSessionCalls, type SessionCalls } from './resources/sessions.ts';
import {
  createSessionSocket,
  type SessionSocket,
  type SessionSocketOptions,
} from './socket/session-socket.ts';
import { createTurnCalls, type TurnCalls } from './turn/turns.ts';

export interface ClientOptions {
  /** The address of the server, e.g. `https://chat.example.com`. Empty for a page of the server itself. */
  readonly baseUrl: string;
  /** A personal token, or a `jwt` that somebody else renews. Left out: log in with `login`. */
  readonly token?: string | (() => string | Promise<string>);
  /** Keeps the tokens of a login. Default: in memory. A page needs `tabStorage()`, or `webStorage(localStorage)`. */
  readonly storage?: TokenStorage;
  /**
   * Where the refresh token is. `cookie` keeps it where no script can read it. The server must then be this page's own,
   * or name its origin in `CORS_ORIGINS`, on the same site. Default: `body`.
   */
  readonly refresh?: RefreshMode;
  /** Called with new tokens, and with null when the login has ended. */
  readonly onTokens?: (tokens: Tokens | null) => void;
  readonly retry?: RetryOptions;
  /** How long the server may be silent before the client gives up the connection. Default: 60000. */
  readonly silenceMs?: number;
  readonly fetch?: typeof fetch;
}

export interface ChatClient extends AccountCalls, TurnCalls {
  readonly characters: CharacterCalls;
  readonly sessions: SessionCalls;
  readonly messages: MessageCalls;
  readonly files: FileCalls;
  readonly personalTokens: PersonalTokenCalls;
  readonly ownData: OwnDataCalls;
  readonly history: HistoryCalls;
  /** Connects to a session by WebSocket: its turns and changes, of all devices. */
  openSession(sessionId: string, options?: SessionSocketOptions): SessionSocket;
}

/** Creates a client of one server and one user. */
export function createClient(options: ClientOptions): ChatClient {
  const { token, storage = memoryStorage(), refresh: mode = 'body', onTokens, silenceMs = 60_000 } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/u, '');
  const send = options.fetch ?? ((...request: Parameters<typeof fetch>) => fetch(...request));
  const retries = createRetries(options.retry);
  const open = createOpen({ baseUrl, fetch: send, silenceMs });
  const anonymous = createHttp({ open, retries });
  const renewal = createRenewal({ http: anonymous, storage, mode, onTokens });
  const authorization: Authorization = token === undefined ? renewal : fixedToken(token);
  const http = createHttp({ open, retries, authorization });

  return {
    ...createAccountCalls({ anonymous, http, renewal, mode }),
    ...createTurnCalls({ http, retries }),
    characters: createCharacterCalls(http),
    sessions: createSessionCalls(http),
    messages: createMessageCalls(http),
    files: createFileCalls(http, baseUrl),
    personalTokens: createPersonalTokenCalls(http),
    ownData: createOwnDataCalls(http),
    history: createHistoryCalls(http),
    openSession(sessionId, socketOptions = {}) {
      const address = (baseUrl || globalThis.location.origin).replace(/^http/u, 'ws');
      const url = `${address}/api/ws/${encodeURIComponent(sessionId)}`;
      return createSessionSocket({ ...socketOptions, url, authorization, retries, silenceMs });
    },
  };
}
