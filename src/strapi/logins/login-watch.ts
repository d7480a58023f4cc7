import { describeError, type Log } from '../../chat';
import type { Logins } from '../../database/users/logins';

/** What a client was let in by. */
export interface Login {
  readonly userId: number;
  readonly documentId: string;
  /** Null where tokens have no session (`legacy-support`): only the account is looked at. */
  readonly sessionId: string | null;
}

/** Looks after clients that stay connected: their login is checked again and again. */
export interface LoginWatch {
  /**
   * Calls `onEnded` once, when the login has ended: soon if this process ended it, else within `checkEveryMs` and the time
   * of a statement. @returns how to stop watching.
   */
  add(login: Login, onEnded: () => void): () => void;
  /** Checks the logins of these accounts now. */
  checkSoon(userIds: readonly number[]): void;
  /** Begins to check by itself. */
  start(): void;
  stop(): void;
}

/** With the statement, a login that another process has ended is found within five seconds. */
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

  /** One round at a time: a slow database is not asked again meanwhile. */
  async function checkAll(): Promise<void> {
    if (isCheckingAll) return;
    isCheckingAll = true;
    await check([...watched]);
    isCheckingAll = false;
  }

  /** A database that is away ends nothing: the next round asks again. Never rejects. */
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
