import { describeError, type Log } from '../../chat';
import type { Logins } from '../../database/users/logins';

/** The login of a client. */
export interface Login {
  readonly userId: number;
  readonly documentId: string;
  /** Null if tokens have no session (`legacy-support`). Then the watch checks only the account. */
  readonly sessionId: string | null;
}

/** Repeatedly checks the logins of clients that stay connected. */
export interface LoginWatch {
  /**
   * Calls `onEnded` once, after the login has ended. The call comes soon if this process ended the login. Otherwise it
   * comes within `checkEveryMs` and the time of a statement. @returns a function that stops watching.
   */
  add(login: Login, onEnded: () => void): () => void;
  /** Checks the logins of these accounts now. */
  checkSoon(userIds: readonly number[]): void;
  /** Starts the regular checks. */
  start(): void;
  stop(): void;
}

/** Together with the statement, the watch finds a login that another process has ended within five seconds. */
const checkEveryMs = 3_000;

interface Watched {
  readonly login: Login;
  readonly onEnded: () => void;
}

export function createLoginWatch(
  store: Pick<Logins, 'findAccountIds' | 'findAccounts'>,
  log: Pick<Log, 'warn'>,
): LoginWatch {
  const watched = new Set<Watched>();
  let timer: NodeJS.Timeout | undefined;
  let isCheckingAll = false;

  return {
    add(login, onEnded) {
      const one = { login, onEnded };
      watched.add(one);
      return () => void watched.delete(one);
    },
    checkSoon(userIds) {
      const ended = new Set(userIds);
      void check([...watched].filter(({ login }) => ended.has(login.userId)));
    },
    start() {
      timer ??= setInterval(() => void checkAll(), checkEveryMs);
    },
    stop: () => clearInterval(timer),
  };

  /** Checks all logins. Only one round runs at a time, so a slow database gets no further queries. */
  async function checkAll(): Promise<void> {
    if (isCheckingAll) return;
    isCheckingAll = true;
    await check([...watched]);
    isCheckingAll = false;
  }

  /** Checks some logins. A database that is down ends no login: the next round checks again. Never rejects. */
  async function check(some: readonly Watched[]): Promise<void> {
    if (some.length === 0) return;
    try {
      const good = await findGood(some.map(({ login }) => login));
      for (const one of some) {
        if (!good(one.login) && watched.delete(one)) one.onEnded();
      }
    } catch (error) {
      log.warn(`Logins of connected clients could not be checked: ${describeError(error)}`);
    }
  }

  async function findGood(logins: readonly Login[]): Promise<(login: Login) => boolean> {
    const sessionIds = logins.flatMap(({ sessionId }) => sessionId ?? []);
    const documentIds = logins.flatMap(({ sessionId, documentId }) => (sessionId === null ? documentId : []));
    const bySession = await store.findAccountIds([...new Set(sessionIds)]);
    const byAccount = await store.findAccounts([...new Set(documentIds)]);
    return ({ sessionId, documentId, userId }) =>
      (sessionId === null ? byAccount.get(documentId) : bySession.get(sessionId)) === userId;
  }
}
