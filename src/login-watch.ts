import { describeError, type Log } from './chat';
import type { Logins } from './stores/logins';

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
  checkSoon(): void;
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
  let isChecking = false;
  let isAskedAgain = false;

  return {
    add(login, onEnded) {
      const one = { login, onEnded };
      watched.add(one);
      return () => void watched.delete(one);
    },
    checkSoon: () => void check(),
    start() {
      timer ??= setInterval(() => void check(), checkEveryMs);
    },
    stop: () => clearInterval(timer),
  };

  /** A database that is away ends nothing: the next round asks again. Never rejects. */
  async function check(): Promise<void> {
    isAskedAgain = true;
    if (isChecking) return;
    isChecking = true;
    while (isAskedAgain && watched.size > 0) {
      isAskedAgain = false;
      try {
        await checkAll();
      } catch (error) {
        log.warn(`Logins of connected clients could not be checked: ${describeError(error)}`);
      }
    }
    isChecking = false;
  }

  async function checkAll(): Promise<void> {
    const known = [...watched];
    const sessionIds = known.flatMap(({ login }) => login.sessionId ?? []);
    const documentIds = known.flatMap(({ login }) => (login.sessionId === null ? login.documentId : []));
    const bySession = await store.findAccountIds([...new Set(sessionIds)]);
    const byAccount = await store.findAccounts([...new Set(documentIds)]);
    for (const one of known) {
      const { userId, documentId, sessionId } = one.login;
      const found = sessionId === null ? byAccount.get(documentId) : bySession.get(sessionId);
      if (found !== userId && watched.delete(one)) one.onEnded();
    }
  }
}
