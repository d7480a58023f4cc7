import { describeError, type Log } from '../../chat/shared/log';
import { settledWithin } from '../../chat/shared/settled-within';
import type { UserSource } from '../../chat/ports/users/user-source';
import { createAlarm } from './alarm';
import { at, Unavailable } from '../model/unavailable';
import { createCondition, type HistoryStatus } from './status';
import type { HistoryNaming } from '../naming/history-naming';
import type { FinishedTurn, HistorySource } from '../model/source';
import type { HistoryStore } from '../model/store';
import { createNaming } from '../naming/naming';
import { toRecord } from '../records/from-turn';

export interface HistoryWriterOptions {
  readonly source: HistorySource;
  readonly store: HistoryNaming & Pick<HistoryStore, 'save' | 'erase' | 'countConversations' | 'identity'>;
  readonly users: UserSource;
  readonly log: Log;
  /** Model name in the records. Dify does not report which model answers. */
  readonly model: string;
  /** Number of turns that the writer holds in memory and saves in one transaction. */
  readonly batchSize?: number;
  /** Pause between two rounds while no turn ends in this process. Turns of other processes may be due. */
  readonly everyMs?: number;
  /** How long a wake waits for further turns. */
  readonly gatherMs?: number;
  /** Pause after a failed round. It doubles from `first` up to `longest`. */
  readonly backOffMs?: readonly [first: number, longest: number];
  /** A turn that waits longer than this makes the state `behind`. */
  readonly behindAfterMs?: number;
  /** For how long after `stop` the writer starts further batches. */
  readonly lastRoundMs?: number;
  /** Pause between two searches for turns that an import brought. */
  readonly surveyEveryMs?: number;
}

/** Copies finished turns to the history in the background. No turn waits for it, and it never throws. */
export interface HistoryWriter {
  start(): void;
  /** Reports that a turn has ended in this process. The writer copies it soon. Many calls together cost one round. */
  wake(): void;
  status(): HistoryStatus;
  /**
   * Copies the remaining turns, unless a database is unavailable. Settles when nothing uses a database any more. Waits
   * at most twice `lastRoundMs` for a database that does not answer. Another process then gets the claimed turns
   * later.
   */
  stop(): Promise<void>;
}

export function createHistoryWriter(options: HistoryWriterOptions): HistoryWriter {
  const { everyMs = 5_000, gatherMs = 250, backOffMs = [1_000, 60_000] } = options;
  const { log, behindAfterMs = 60_000, lastRoundMs = 3_000, surveyEveryMs = 600_000 } = options;
  const condition = createCondition(log, behindAfterMs);
  const copier = createCopier(options);
  const alarm = createAlarm();
  let running: Promise<void> | undefined;
  let stopsAtMs = Infinity;
  let isWoken = false;
  let isReadable = false;
  let isPrepared = false;
  let isCatchingUp = false;
  let nextSurveyMs = 0;

  return {
    start() {
      running ??= run();
    },
    wake() {
      isWoken = true;
      // While a database is unavailable, each turn that ends would otherwise cause another attempt.
      if (condition.problem() === null) alarm.ringWithin(gatherMs);
    },
    status: condition.status,
    async stop() {
      if (running === undefined) return;
      stopsAtMs = Math.min(stopsAtMs, Date.now() + lastRoundMs);
      alarm.ringWithin(0);
      await settledWithin(2 * lastRoundMs, running);
    },
  };

  async function run(): Promise<void> {
    let awayMs = backOffMs[0];
    while (stopsAtMs === Infinity) {
      isWoken = false;
      await round();
      if (stopsAtMs !== Infinity) break;
      const isAway = condition.problem() !== null;
      await alarm.after(isAway ? awayMs : isCatchingUp ? briefMs : isWoken ? gatherMs : everyMs);
      awayMs = isAway ? Math.min(awayMs * 2, backOffMs[1]) : backOffMs[0];
    }
    if (condition.problem() === null) await round();
  }

  /** Works until nothing is due. Erasures come first, so that the writer does not copy erased turns. Never rejects. */
  async function round(): Promise<void> {
    const goesOn = () => Date.now() < stopsAtMs;
    try {
      // Check the history before claiming turns. The first round then also detects an unavailable history.
      if (!isReadable) await copier.assertReadable();
      isReadable = true;
      if (!isPrepared) await copier.prepare();
      isPrepared = true;
      while (goesOn() && (await copier.carryErasures()));
      for (let mayBeMore = true; mayBeMore && goesOn();) {
        mayBeMore = await copier.copyTurns();
        await count();
        condition.isThere();
      }
      isCatchingUp = await catchUp();
    } catch (error) {
      [isReadable, isCatchingUp] = [false, false];
      await count().catch(() => undefined);
      condition.isAway(error);
    }
  }

  /** Works on older data for a short time; turns that end now come first. @returns whether more is left. */
  async function catchUp(): Promise<boolean> {
    const goesOnUntil = Date.now() + catchUpMs;
    const goesOn = () => Date.now() < goesOnUntil && stopsAtMs === Infinity;
    while (goesOn()) {
      if (await copier.nameSome()) continue;
      if (Date.now() < nextSurveyMs) return false;
      if (!(await copier.makeMissingDue())) {
        nextSurveyMs = Date.now() + surveyEveryMs;
        isWoken = true;
      }
    }
    return true;
  }

  async function count(): Promise<void> {
    condition.counted(await at('main-database', options.source.backlog()));
  }
}

function toUnavailable(error: unknown): Unavailable {
  return error instanceof Unavailable ? error : new Unavailable('history', error);
}

const erasuresAtOnce = 100;

/** How long a round works on older data, and the pause before the next round if more is left. */
const catchUpMs = 500;
const briefMs = 5;

/**
 * Handles one batch per call. Each function throws `Unavailable`. Those with a boolean result return whether more may
 * remain.
 */
function createCopier({ source, store, users, log, model, batchSize = 50 }: HistoryWriterOptions) {
  /** Turns that the history refused while it accepted others. */
  const blamed = new Set<string>();
  const naming = createNaming({ source, store, users, log });
  let identity = '';

  return {
    assertReadable,

    /** Must run before anything is copied. */
    async prepare(): Promise<void> {
      identity = await at('history', store.identity());
      await naming.nameErasures();
    },

    nameSome: () => naming.nameSome(),

    makeMissingDue: () => at('main-database', source.makeMissingDue(identity)),

    async carryErasures(): Promise<boolean> {
      const erasures = await at('main-database', source.listErasures(erasuresAtOnce));
      for (const { id, ...erasure } of erasures) {
        await at('history', store.erase(erasure));
        await at('main-database', source.settleErasure(id));
      }
      return erasures.length === erasuresAtOnce;
    },

    async copyTurns(): Promise<boolean> {
      const turns = await at('main-database', source.claimSome(batchSize));
      if (turns.length === 0) return false;
      try {
        await save(turns);
      } catch (error) {
        await copyOneByOne(turns, error);
        return turns.length === batchSize;
      }
      await at('main-database', source.settle(idsOf(turns), identity));
      return turns.length === batchSize;
    },
  };

  /** Saves turns. It also throws if a turn cannot become a record, which counts as refused. */
  async function save(turns: readonly FinishedTurn[]): Promise<void> {
    await store.save(turns.map((turn) => toRecord(turn, model)));
  }

  /**
   * Saves the turns of a failed batch one by one. Either the history is unavailable, or some turns cause the error.
   * The writer sets a turn aside only if the history accepted another one, or refused all of them before. A history
   * that refuses everything has a problem of its own, so all turns wait for its end.
   */
  async function copyOneByOne(turns: readonly FinishedTurn[], cause: unknown): Promise<void> {
    const { saved, refused, problem } = await saveOneByOne(turns);
    await at('main-database', source.settle([...saved], identity));
    const areToBlame =
      problem === null && (saved.size > 0 || [...refused.keys()].every((id) => blamed.has(id)));
    if (areToBlame) return setAside(refused);
    await at('main-database', source.release(idsOf(turns).filter((id) => !saved.has(id))));
    throw problem ?? new Unavailable('history', cause);
  }

  async function setAside(refused: ReadonlyMap<string, unknown>): Promise<void> {
    for (const [turnId, error] of refused) {
      blamed.add(turnId);
      await at('main-database', source.setAside(turnId));
      log.error(`Turn ${turnId} is refused by the history, and set aside: ${describeError(error)}`);
    }
  }

  async function saveOneByOne(turns: readonly FinishedTurn[]) {
    const saved = new Set<string>();
    const refused = new Map<string, unknown>();
    let last: FinishedTurn | undefined;
    try {
      // Otherwise each turn would wait for the same timeout.
      await assertReadable();
      // Try each turn twice. The first ones may have met a problem that ended before the last one.
      for (const turn of [...turns, ...turns]) {
        if (saved.has(turn.turnId)) continue;
        try {
          await save([turn]);
          saved.add(turn.turnId);
          refused.delete(turn.turnId);
          last = turn;
        } catch (error) {
          refused.set(turn.turnId, error);
          // Saving an accepted turn again adds nothing. It shows whether the history can save anything now.
          await (last === undefined ? assertReadable() : at('history', save([last])));
        }
      }
      return { saved, refused, problem: null };
    } catch (error) {
      return { saved, refused, problem: toUnavailable(error) };
    }
  }

  async function assertReadable(): Promise<void> {
    await at('history', store.countConversations({ userDocumentId: '' }));
  }
}

function idsOf(turns: readonly FinishedTurn[]): readonly string[] {
  return turns.map(({ turnId }) => turnId);
}
