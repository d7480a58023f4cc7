import { describeError, type Log } from '../../chat/shared/log';
import { HistoryProblem, type HistoryProblemCode } from '../model/problem';
import type { Backlog } from '../model/source';
import { type Side, Unavailable } from '../model/unavailable';

/** State of the copying as of the last round. Reading it costs nothing. */
export interface HistoryStatus {
  /** `unavailable`: a database is unavailable, and turns wait. `behind`: turns wait although both databases work. */
  readonly state: 'ok' | 'behind' | 'unavailable';
  /** Number of finished turns that the history does not have. The count has an upper bound. */
  readonly waiting: number;
  readonly waitingErasures: number;
  /** Turns that the history has refused. The writer retries them much later. */
  readonly setAside: number;
  /** Seconds since the end of the oldest turn that waits; 0 if none waits. */
  readonly oldestSeconds: number;
  /** The database that is unavailable, if any. */
  readonly problem: Side | null;
}

/**
 * The known state of the two databases. Logs once that one is unavailable, again if the reason changes, and once that
 * it is back.
 */
export interface Condition {
  isThere(): void;
  isAway(error: unknown): void;
  counted(backlog: Backlog): void;
  problem(): Side | null;
  status(): HistoryStatus;
}

export function createCondition(log: Log, behindAfterMs: number): Condition {
  let backlog: Backlog = { turns: 0, erasures: 0, oldest: null, setAside: 0 };
  let problem: Side | null = null;
  let reason: HistoryProblemCode | null = null;
  return {
    isThere() {
      if (problem !== null) log.info(`The history is written again; ${backlog.turns} turns wait for it.`);
      problem = null;
    },
    isAway(error) {
      const side = error instanceof Unavailable ? error.side : 'history';
      const cause = error instanceof Unavailable ? error.cause : error;
      const code = cause instanceof HistoryProblem ? cause.code : null;
      if (problem !== side) {
        const why = describeError(cause);
        log.warn(
          `The history cannot be written, the ${side} is at fault: ${why}. Finished turns wait for it.`,
        );
      } else if (reason !== code) {
        log.warn(`The history still cannot be written: ${describeError(cause)}.`);
      }
      problem = side;
      reason = code;
    },
    counted: (current) => void (backlog = current),
    problem: () => problem,
    status() {
      const ageMs = backlog.oldest === null ? 0 : Math.max(0, Date.now() - backlog.oldest.getTime());
      const whileThere = ageMs > behindAfterMs ? 'behind' : 'ok';
      return {
        state: problem === null ? whileThere : 'unavailable',
        waiting: backlog.turns,
        waitingErasures: backlog.erasures,
        setAside: backlog.setAside,
        oldestSeconds: Math.round(ageMs / 1000),
        problem,
      };
    },
  };
}
