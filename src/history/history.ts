import type { CharacterSource } from '../chat/ports/character-source';
import type { SessionSource } from '../chat/ports/session-source';
import type { UserSource } from '../chat/ports/users/user-source';
import type { Log } from '../chat/shared/log';
import { createHistoryWriter, type HistoryWriter } from './copying/writer';
import type { HistorySource } from './model/source';
import type { HistoryStore } from './model/store';
import type { HistoryNaming } from './naming/history-naming';
import type { RatingSource } from './model/usage';
import { createHistoryAccess, type HistoryAccess } from './reading/access';
import { createReadUsage, type ReadUsage } from './reading/usage';

export interface HistoryDependencies {
  readonly source: HistorySource;
  /** Null if no history is configured. Then the server copies nothing, and the history is unavailable. */
  readonly store: (HistoryStore & HistoryNaming) | null;
  readonly characters: CharacterSource;
  readonly users: UserSource;
  readonly sessions: SessionSource;
  readonly ratings: RatingSource;
  readonly log: Log;
  /** Model name in the records. */
  readonly model: string;
  /** For how many days the store keeps records; 0 keeps all. */
  readonly retentionDays: number;
}

/** The record of finished generations. */
export interface History {
  readonly access: HistoryAccess;
  readonly readUsage: ReadUsage;
  /** Not started yet. Null if no history is configured. */
  readonly writer: HistoryWriter | null;
}

export function createHistory({ store, source, model, ...dependencies }: HistoryDependencies): History {
  const { characters, users, sessions, ratings, log, retentionDays } = dependencies;
  return {
    access: createHistoryAccess({ store, characters, users, sessions, retentionDays }),
    readUsage: createReadUsage({ store, ratings, characters }),
    writer: store === null ? null : createHistoryWriter({ source, store, users, log, model }),
  };
}
