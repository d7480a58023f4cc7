import { describeError, type Log } from '../../chat/shared/log';
import { settledWithin } from '../../chat/shared/settled-within';
import type { UserSource } from '../../chat/ports/user-source';
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
  /** As the history names the model: Dify does not tell which one answers. */
  readonly model: string;
  /** Turns that are held in memory, and saved in one transaction. */
  readonly batchSize?: number;
  /** The pause between two rounds where nothing ends here: turns of other processes may be due. */
  readonly everyMs?: number;
  /** How long a wake waits for others. */
  readonly gatherMs?: number;
  /** The pause after a round that failed doubles, from the first of these to the second. */
  readonly backOffMs?: readonly [first: number, longest: number];
  /** A turn that waits longer than this makes the history `behind`. */
  readonly behindAfterMs?: number;
  /** For how long after `stop` further batches are begun. */
  readonly lastRoundMs?: number;
  /** The pause between two looks for turns that came by an import. */
  readonly surveyEveryMs?: number;
}

/** Copies finished turns to the history, behind everybody's back: no turn waits for it, and nothing of it is thrown. */
export interface HistoryWriter {
  start(): void;
  /** A turn has ended here: it is copied soon. Many at once cost one round. */
  wake(): void;
  status(): HistoryStatus;
  /**
   * Copies what is left, unless a database is away. Settles when nothing is touched any more. A database that does not
   * answer at all is not waited for longer than twice `lastRoundMs`: what it was given is given out again.
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
      // While a database is away, every turn that ends would else be one more attempt at it.
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

  /** Until nothing is due. What is erased comes first, so that it is not copied any more. Never rejects. */
  async function round(): Promise<void> {
    const goesOn = () => Date.now() < stopsAtMs;
    try {
      // Nothing is claimed for a history that is not there; and that it is not is known from the start.
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

  /** What is left of before, for a moment: turns that end meanwhile come first. @returns whether there is more. */
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

/** For how long a round goes on with what is left of before, and the pause until the next round then. */
const catchUpMs = 500;
const briefMs = 5;

/** One batch at a time. Each throws `Unavailable`, and otherwise tells whether there may be more to do. */
function createCopier({ source, store, users, log, model, batchSize = 50 }: HistoryWriterOptions) {
  /** Those that were refused while others were taken. */
  const blamed = new Set<string>();
  const naming = createNaming({ source, store, users, log });
  let identity = '';

  return {
    assertReadable,

    /** Before anything is copied. */
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

  /** What cannot be made a record of is as good as refused. */
  async function save(turns: readonly FinishedTurn[]): Promise<void> {
    await store.save(turns.map((turn) => toRecord(turn, model)));
  }

  /**
   * A batch was not taken: either the history is away, or some of its turns are to blame. None is set aside unless
   * another was taken: a history that refuses everything has a trouble of its own, and everything waits for its end.
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
      // Else each turn would wait for the same timeout.
      await assertReadable();
      // Twice, for the first may have been refused for no fault of its own while the last was taken.
      for (const turn of [...turns, ...turns]) {
        if (saved.has(turn.turnId)) continue;
        try {
          await save([turn]);
          saved.add(turn.turnId);
          refused.delete(turn.turnId);
          last = turn;
        } catch (error) {
          refused.set(turn.turnId, error);
          // One that was taken is there once, however often it is saved: it shows whether anything can be, now.
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
