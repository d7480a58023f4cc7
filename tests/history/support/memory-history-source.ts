import type { FinishedTurn, HistorySource } from '../../../src/history/model/source';
import type { Erasure } from '../../../src/history/model/store';
import { ada, keeper } from '../../chat/support/fixtures';

/** A main database in memory. Turns finish when the test calls `finish()`. */
export interface MemoryHistorySource extends HistorySource {
  finish(...turns: readonly FinishedTurn[]): void;
  noteErasure(erasure: Erasure): void;
  /** Ends all claims early: their turns become due again. */
  forgetClaims(): void;
  away: Error | null;
  /** Keys are turn ids. */
  states(): Readonly<Record<string, 'due' | 'claimed' | 'aside'>>;
  erasures(): readonly Erasure[];
  /** The users of turns and of sessions in the main database. */
  readonly turnOwners: Map<string, string>;
  readonly sessionOwners: Map<string, string>;
  /** The identity of the history that each turn was copied to, by turn id. */
  readonly settled: Map<string, string>;
  /** Counts the surveys for turns that are missing in the history. */
  surveys: number;
}

export function createMemoryHistorySource(): MemoryHistorySource {
  const waiting = new Map<string, { turn: FinishedTurn; state: 'due' | 'claimed' | 'aside' }>();
  const erasures = new Map<number, Erasure>();
  let lastId = 0;
  const setState = (turnIds: readonly string[], state: 'due' | 'claimed' | 'aside') => {
    for (const id of turnIds) {
      const row = waiting.get(id);
      if (row !== undefined) waiting.set(id, { ...row, state });
    }
  };
  const assertThere = () => {
    if (source.away !== null) throw source.away;
  };
  const source: MemoryHistorySource = {
    away: null,
    turnOwners: new Map(),
    sessionOwners: new Map(),
    settled: new Map(),
    surveys: 0,
    async claimSome(limit) {
      assertThere();
      const due = [...waiting.values()].filter(({ state }) => state === 'due').slice(0, limit);
      const turns = due.map(({ turn }) => turn);
      setState(
        turns.map(({ turnId }) => turnId),
        'claimed',
      );
      return turns;
    },
    async settle(turnIds, identity) {
      assertThere();
      for (const id of turnIds) {
        waiting.delete(id);
        source.settled.set(id, identity);
      }
    },
    async release(turnIds) {
      assertThere();
      setState(turnIds, 'due');
    },
    async setAside(turnId) {
      assertThere();
      setState([turnId], 'aside');
    },
    async listErasures(limit) {
      assertThere();
      return [...erasures].slice(0, limit).map(([id, erasure]) => ({ id, ...erasure }));
    },
    async settleErasure(id) {
      assertThere();
      erasures.delete(id);
    },
    async backlog() {
      assertThere();
      const turns = [...waiting.values()].filter(({ state }) => state !== 'aside');
      const ended = turns.map(({ turn }) => turn.endedAt.getTime());
      return {
        turns: turns.length,
        erasures: erasures.size,
        oldest: ended.length === 0 ? null : new Date(Math.min(...ended)),
        setAside: waiting.size - turns.length,
      };
    },
    async makeMissingDue() {
      assertThere();
      source.surveys += 1;
      return false;
    },
    async findTurnOwners(turnIds) {
      assertThere();
      return new Map([...source.turnOwners].filter(([id]) => turnIds.includes(id)));
    },
    async findSessionOwners(sessionIds) {
      assertThere();
      return new Map([...source.sessionOwners].filter(([id]) => sessionIds.includes(id)));
    },
    finish(...turns) {
      for (const turn of turns) waiting.set(turn.turnId, { turn, state: 'due' });
    },
    noteErasure: (erasure) => void erasures.set((lastId += 1), erasure),
    forgetClaims: () => setState([...waiting.keys()], 'due'),
    states: () => Object.fromEntries([...waiting].map(([id, { state }]) => [id, state])),
    erasures: () => [...erasures.values()],
  };
  return source;
}

export function finishedTurn(changes: Partial<FinishedTurn> = {}): FinishedTurn {
  return {
    turnId: 'turn-1',
    sessionId: 'session-1',
    userDocumentId: ada.documentId,
    characterId: keeper.documentId,
    query: 'How is the sea?',
    answer: 'Calm.',
    outcome: 'completed',
    errorCode: null,
    usage: null,
    model: null,
    firstTokenMs: null,
    createdAt: new Date('2026-01-02T03:04:05.678Z'),
    endedAt: new Date('2026-01-02T03:04:07.000Z'),
    ...changes,
  };
}
